// Reloads the page when its server has other data: asks for the version every few seconds while the page is visible.

const SHOWN = document.querySelector("meta[name=version]").content;
const PAUSE_MILLISECONDS = 3000;

async function refresh() {
  if (!document.hidden) {
    try {
      const response = await fetch("/version", {cache: "no-store"});
      if (response.ok && await response.text() !== SHOWN) {
        location.reload();
        return;
      }
    } catch {
      // The server has ended; it may start again.
    }
  }
  setTimeout(refresh, PAUSE_MILLISECONDS);
}

setTimeout(refresh, PAUSE_MILLISECONDS);
