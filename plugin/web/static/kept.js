// What a form sent after its session had ended is put back when the same person opens the same page again.
const PENDING = 'muster:pending';
const here = () => `muster:kept:${window.location.pathname.replace(/^\/t\/[^/]+/, '')}`;

function storage() {
  try {
    return window.sessionStorage;
  } catch {
    return null; // some browsers close it in frames of another site
  }
}

/** It is on its way: the page that answers decides what becomes of it. */
export function sending(form, said) {
  storage()?.setItem(PENDING, JSON.stringify({ at: here(), who: form.dataset.keep, said }));
}

/** It is kept where the answer is that the session has ended, else forgotten. */
export function answered() {
  const pending = storage()?.getItem(PENDING);
  if (!pending) return;
  storage().removeItem(PENDING);
  if (document.querySelector('[data-ended]')) storage().setItem(JSON.parse(pending).at, pending);
}

/** Put back what was kept of this form; returns whether there was anything. */
export function putBack(form) {
  const { who, said } = JSON.parse(storage()?.getItem(here()) ?? '{}');
  if (!said || who !== form.dataset.keep) return false;
  storage().removeItem(here());
  const values = new URLSearchParams(said);
  const left = Object.fromEntries([...values.keys()].map((name) => [name, values.getAll(name)]));
  for (const field of form.elements) {
    const sent = left[field.name] ?? [];
    if (field.matches('[type=checkbox], [type=radio]')) field.checked = sent.includes(field.value);
    else if (field.name && field.type !== 'file' && sent.length) field.value = sent.shift();
  }
  return true;
}
