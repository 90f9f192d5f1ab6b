// Times in the reader's own words: <time> elements, and how long something has been going on (data-since).

// English readers keep their own habit of writing dates; others read the language that the page is in.
const reader = document.documentElement.lang === "en" ? undefined : document.documentElement.lang;
const words = document.body.dataset; // now, ago, in: the page's words, {} stands for the time
const day = new Intl.DateTimeFormat(reader, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const clock = new Intl.DateTimeFormat(reader, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const whole = new Intl.DateTimeFormat(reader, { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" });
const tenths = new Intl.NumberFormat(document.documentElement.lang, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

export function duration(seconds) {
  if (seconds < 10) return `${tenths.format(Math.max(seconds, 0))} s`;
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

export function clockTime(iso) {
  return clock.format(new Date(iso));
}

function ago(date) {
  const seconds = (Date.now() - date) / 1000;
  if (seconds < -86_400) return day.format(date);
  if (seconds < -3600) return words.in.replace("{}", `${Math.round(-seconds / 3600)} h`);
  if (seconds < -90) return words.in.replace("{}", `${Math.round(-seconds / 60)} min`);
  if (seconds < -5) return words.in.replace("{}", `${Math.round(-seconds)} s`); // the clocks of two machines differ by a little
  if (seconds < 45) return words.now;
  if (seconds < 3600) return words.ago.replace("{}", `${Math.round(seconds / 60)} min`);
  if (seconds < 86_400) return words.ago.replace("{}", `${Math.round(seconds / 3600)} h`);
  return day.format(date);
}

export function tick(root = document) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const date = new Date(element.dateTime);
    say(element, element.closest(".events") ? clockTime(element.dateTime) : ago(date));
    const title = whole.format(date);
    if (element.title !== title) element.title = title;
  }
  for (const element of root.querySelectorAll("[data-since]")) {
    say(element, duration((Date.now() - new Date(element.dataset.since)) / 1000));
  }
}

// What says the same stays as it is: text that is put in place anew is laid out anew, once a second.
function say(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

export function keepTicking() {
  tick();
  setInterval(() => document.hidden || tick(), 1000);
}
