// Sends a World form as JSON and says what became of it.
const said = document.getElementById("said");
for (const form of document.querySelectorAll("form.act")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await fetch(`/world/${form.dataset.act}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...Object.fromEntries(new FormData(form)), hint: document.getElementById("tell").checked }),
    });
    const result = await answer.json();
    said.textContent = answer.ok ? `Done: ${form.querySelector("button").textContent.trim()}.` : result.detail;
  });
}
