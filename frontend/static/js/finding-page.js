// The page of a finding by keyboard. Everything here has a link or a button on the page.
//
//   j k  next, previous    a r  accept, reopen    d  dismiss    o  the code    u  back to the list    ?  the keys

import { watch } from "./changed.js";
import * as keys from "./keys.js";
import "./once.js";

const follow = (which) => () => document.querySelector(which)?.click();
const judge = (act) => follow(`.judge-one button[name=act][value=${act}]`);

const ACTS = {
  j: follow("nav.trail a[rel=next]"),
  k: follow("nav.trail a[rel=prev]"),
  u: follow("#back"),
  o: follow("#code"),
  a: judge("accept"),
  r: judge("reopen"),
  d: () => {
    const place = document.getElementById("dismiss");
    if (!place) return;
    place.open = true;
    document.getElementById("reason").focus();
  },
};

keys.listen(ACTS);
watch({ after: () => document.querySelector("h1").focus({ preventScroll: true }) });
