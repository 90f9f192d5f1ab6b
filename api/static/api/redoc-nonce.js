// Redoc makes <style> elements while it runs; the policy of its page lets pass those with the page's nonce.

const { nonce } = document.getElementById("redoc").dataset;
const create = Document.prototype.createElement;

Document.prototype.createElement = function (name, ...rest) {
  const made = create.call(this, name, ...rest);
  if (String(name).toLowerCase() === "style") made.nonce = nonce;
  return made;
};
