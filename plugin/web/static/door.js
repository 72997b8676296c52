// LTI platform storage (1EdTech client-side postMessage and postMessage storage drafts): where a browser keeps no
// cookie for us, the platform's frame keeps a secret between login and launch. Messages go to the platform's own
// origin and are believed only from there.
const { step, storage, platform, key, value, next } = document.body.dataset;
const WAIT = 3000;

function frame() {
  const top = window.parent !== window ? window.parent : window.opener;
  if (!top) return null;
  if (!storage || storage === "_parent") return top;
  return top.frames[storage] || top;
}

function ask(message) {
  return new Promise((resolve) => {
    const target = frame();
    const id = crypto.randomUUID();
    const done = (answer) => {
      removeEventListener("message", hear);
      clearTimeout(timer);
      resolve(answer);
    };
    const hear = (event) => {
      if (event.origin === platform && event.data && event.data.message_id === id) done(event.data);
    };
    const timer = setTimeout(() => done(null), WAIT);
    addEventListener("message", hear);
    if (target) target.postMessage({ ...message, message_id: id }, platform);
    else done(null);
  });
}

if (step === "login") {
  await ask({ subject: "lti.put_data", key, value });
  location.replace(next);
} else {
  const answer = await ask({ subject: "lti.get_data", key });
  const form = document.querySelector("form");
  if (answer && typeof answer.value === "string") {
    form.elements.secret.value = answer.value;
    form.submit();
  } else {
    document.getElementById("stuck").hidden = false;
  }
}
