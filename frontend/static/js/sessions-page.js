// The sessions' page: times in the reader's own words. Everything else works without a script.

import { keepTicking } from "./clock.js";

keepTicking();
