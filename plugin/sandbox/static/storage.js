// The platform's side of the LTI postMessage drafts: storage for tools whose cookies are blocked, and the frame's height.
const frame = document.getElementById("tool");
const origin = new URL(frame.dataset.origin).origin;
const kept = new Map();
const SUBJECTS = ["lti.capabilities", "lti.put_data", "lti.get_data", "lti.frameResize"];

addEventListener("message", (event) => {
  const asked = event.data;
  if (event.origin !== origin || typeof asked !== "object" || !asked || !SUBJECTS.includes(asked.subject)) return;
  if (asked.subject === "lti.frameResize") {
    frame.style.blockSize = `${Math.max(400, Math.min(Number(asked.height) || 0, 6000))}px`;
    return;
  }
  const answer = { subject: `${asked.subject}.response`, message_id: asked.message_id };
  if (asked.subject === "lti.capabilities") answer.supported_messages = SUBJECTS.map((subject) => ({ subject }));
  if (asked.subject === "lti.put_data") {
    kept.set(asked.key, asked.value);
    Object.assign(answer, { key: asked.key, value: asked.value });
  }
  if (asked.subject === "lti.get_data") Object.assign(answer, { key: asked.key, value: kept.get(asked.key) });
  event.source.postMessage(answer, event.origin);
});
