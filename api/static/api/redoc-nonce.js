// Redoc makes <style> elements while it runs; the policy of its page lets pass those with the page's nonce.
// Its badge is an image from elsewhere, which the policy would refuse with an error in the console: no image gets an address,
// and each is told that it failed, so that Redoc takes it away.

const { nonce } = document.getElementById("redoc").dataset;
const create = Document.prototype.createElement;

function withoutAddress(image) {
  Object.defineProperty(image, "src", { set: () => queueMicrotask(() => image.dispatchEvent(new Event("error"))) });
  image.setAttribute = (key, value) => key === "src" || Element.prototype.setAttribute.call(image, key, value);
}

Document.prototype.createElement = function (name, ...rest) {
  const made = create.call(this, name, ...rest);
  const kind = String(name).toLowerCase();
  if (kind === "style") made.nonce = nonce;
  if (kind === "img") withoutAddress(made);
  return made;
};
