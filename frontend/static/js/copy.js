// Buttons that copy: data-copy names the field. Without a clipboard they stay hidden.

import { toast } from "./toast.js";

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.copy);
    field.select?.();
    try {
      await navigator.clipboard.writeText(field.value ?? field.textContent);
      toast(button.dataset.copied);
    } catch {
      // refused by the browser: what is selected can be copied by hand
    }
  });
}
