// The end of a dynamic registration: tell the learning site that its window may close (LTI Dynamic Registration §3.8).
// The message says nothing but that, so it may go to whoever opened us.
const WAIT = 8000;
const opener = window.parent !== window ? window.parent : window.opener;

function close() {
  opener.postMessage({ subject: 'org.imsglobal.lti.close' }, '*');
}

if (opener) {
  const button = document.querySelector('[data-close-window]');
  button.hidden = false;
  button.addEventListener('click', close);
  if ('registered' in document.body.dataset) {
    const words = document.querySelector('[data-closing]');
    words.hidden = false;
    const timer = setTimeout(close, WAIT);
    for (const type of ['keydown', 'pointerdown']) {
      addEventListener(type, () => { clearTimeout(timer); words.hidden = true; }, { once: true });
    }
  }
}
