// Enhances only: every page works without it.
"use strict";

(() => {
  const root = document.documentElement;
  const device = window.matchMedia("(prefers-color-scheme: dark)");

  const remembered = () => {
    try { return window.localStorage.getItem("theme"); } catch { return null; }
  };

  const remember = (theme) => {
    try { window.localStorage.setItem("theme", theme); } catch { /* private windows may refuse: then it lasts for this page */ }
  };

  const show = (theme) => {
    root.dataset.bsTheme = theme;
    document.querySelectorAll("[data-theme-switch]").forEach((button) => {
      button.hidden = false;
      button.setAttribute("aria-label", theme === "dark" ? "Switch to light colours" : "Switch to dark colours");
    });
  };

  const preferred = () => {
    const theme = remembered();
    return theme === "dark" || theme === "light" ? theme : device.matches ? "dark" : "light";
  };

  // Before the first paint, so that the page never flashes in the other colours.
  show(preferred());
  device.addEventListener("change", () => show(preferred()));

  const switchTheme = () => {
    const theme = root.dataset.bsTheme === "dark" ? "light" : "dark";
    remember(theme);
    show(theme);
  };

  // A second click must not send the form a second time; coming back by the back button frees it again.
  const guardSubmission = (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    window.setTimeout(() => { delete form.dataset.sent; }, 8000);
  };

  const offerCopying = (button) => {
    if (!navigator.clipboard) return;
    const words = button.querySelector("[data-copy-words]");
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
      words.textContent = "Copied";
      window.setTimeout(() => { words.textContent = "Copy"; }, 2000);
    });
  };

  // As tall as what it shows, so that nobody scrolls a frame within a page.
  const fit = (frame) => {
    const shown = frame.contentDocument?.body;
    if (!shown) return;
    frame.style.height = `${shown.scrollHeight + frame.offsetHeight - frame.clientHeight}px`;
  };

  const fitFrames = () => document.querySelectorAll("[data-fit]").forEach(fit);
  window.addEventListener("load", fitFrames);
  window.addEventListener("resize", fitFrames);

  document.addEventListener("submit", guardSubmission);
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sent]").forEach((form) => { delete form.dataset.sent; });
  });

  document.addEventListener("DOMContentLoaded", () => {
    show(preferred());
    document.querySelectorAll("[data-theme-switch]").forEach((button) => button.addEventListener("click", switchTheme));
    document.querySelectorAll("[data-copy]").forEach(offerCopying);
    document.querySelector("[data-error-summary]")?.focus();
  });
})();
