// Buttons that copy: data-copy names the field, or is empty for the address of the page. Without a clipboard they stay
// hidden.

import { toast } from "./toast.js";

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    const field = button.dataset.copy ? document.getElementById(button.dataset.copy) : null;
    field?.select?.();
    try {
      await navigator.clipboard.writeText(field?.value ?? location.href);
      toast(button.dataset.copied);
    } catch {
      // refused by the browser: what is selected can be copied by hand
    }
  });
}
