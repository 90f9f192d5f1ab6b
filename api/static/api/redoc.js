// Redoc over the schema of this server. Its search runs in a worker made of text, which the policy does not allow.

const place = document.getElementById("redoc");

Redoc.init(place.dataset.schema, { disableSearch: true, nativeScrollbars: true, hideDownloadButton: false }, place);
