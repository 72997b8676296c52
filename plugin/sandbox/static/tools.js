// The platform's side of a dynamic registration: the tool says when its window may close.
const frame = document.getElementById("tool");

if (frame) {
  addEventListener("message", (event) => {
    if (event.origin !== new URL(frame.dataset.origin).origin || event.data?.subject !== "org.imsglobal.lti.close") return;
    frame.remove();
    document.getElementById("closed").hidden = false;
  });
}
