// Puts a placeholder where the cursor stands: in the subject or the text, whichever was written in last.

/** Give life to the placeholder buttons of a form. */
export function prepareInsert(form) {
  let field = form.querySelector('textarea[data-takes]');
  form.addEventListener('focusin', (event) => {
    if (event.target.matches('[data-takes]')) field = event.target;
  });
  form.addEventListener('click', (event) => {
    const button = event.target.closest('[data-insert]');
    if (!button) return;
    field.focus();
    field.setRangeText(button.dataset.insert, field.selectionStart, field.selectionEnd, 'end');
  });
}
