"""One program per contender: `prepare`, `fill KIND FIRST:COUNT`, `pace KIND FIRST:COUNT SECONDS`, `work`."""
