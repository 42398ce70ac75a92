// A slim player: plays, seeks, and tells the time for each frame while it plays.

import { clock, setText } from "./words.js";

const SPEED_KEPT = "lectern.speed";
const PLACE_SAVED_S = 5;
const at = (id) => document.getElementById(id);

// → {seek(seconds, {play}), toggle(), skip(seconds), time(), playing()}; told.time(seconds) for each frame, told.unplayable() when it cannot be.
export function player(recording, { id, seconds, title }, told) {
  const video = recording.media_type.startsWith("video/");
  const media = document.createElement(video ? "video" : "audio");
  const kept = `lectern.at.${id}`; // where somebody stopped listening
  let frame = 0;
  let length = seconds;
  let failed = false;

  media.preload = "metadata";
  media.playsInline = true;
  media.src = recording.url;
  if (video) at("picture").append(media);
  else media.hidden = true;
  at("player").append(...(video ? [] : [media]));
  at("player").hidden = false;

  function show() {
    const now = media.currentTime;
    setText(at("played"), clock(now));
    const seek = at("seek");
    seek.value = String(now);
    seek.style.setProperty("--played", `${length ? Math.min(100, (100 * now) / length) : 0}%`);
    seek.setAttribute("aria-valuetext", `${clock(now)} of ${clock(length)}`);
    told.time(now, !media.paused);
  }

  function run() {
    show();
    frame = media.paused ? 0 : requestAnimationFrame(run);
  }

  function measure() {
    if (Number.isFinite(media.duration) && media.duration > 0) length = media.duration;
    at("seek").max = String(length);
    setText(at("length"), clock(length));
    show();
  }

  function unplayable() {
    if (failed) return;
    failed = true;
    at("player").hidden = true;
    at("picture").hidden = true;
    told.unplayable();
  }

  const toggle = () => (media.paused ? play() : media.pause());
  const play = () => media.play().catch((error) => { if (error.name === "NotSupportedError") unplayable(); }); // else it was stopped before it began
  const seek = (to, { play: plays = false } = {}) => {
    if (failed) return;
    media.currentTime = Math.max(0, Math.min(to, length || to));
    if (plays) play();
    show();
  };
  const skip = (by) => seek(media.currentTime + by);

  media.addEventListener("loadedmetadata", () => {
    measure();
    if (video && media.videoWidth) at("picture").hidden = false;
    const stopped = Number(sessionStorage.getItem(kept));
    if (stopped > 0 && stopped < length - 1 && !location.hash && media.currentTime === 0) seek(stopped);
  });
  media.addEventListener("durationchange", measure);
  media.addEventListener("error", unplayable);
  media.addEventListener("seeked", show);
  for (const kind of ["play", "pause", "ended"]) {
    media.addEventListener(kind, () => {
      at("player").classList.toggle("playing", !media.paused);
      at("play").setAttribute("aria-label", media.paused ? "Play" : "Pause");
      if (!frame) frame = requestAnimationFrame(run);
    });
  }
  let saved = 0;
  media.addEventListener("timeupdate", () => {
    if (Math.abs(media.currentTime - saved) < PLACE_SAVED_S && !media.paused) return;
    saved = media.currentTime;
    sessionStorage.setItem(kept, media.ended ? "0" : String(saved));
  });

  at("play").addEventListener("click", toggle);
  at("back").addEventListener("click", () => skip(-5));
  at("ahead").addEventListener("click", () => skip(5));
  at("seek").addEventListener("input", () => seek(Number(at("seek").value)));
  at("speed").addEventListener("change", () => {
    media.playbackRate = media.defaultPlaybackRate = Number(at("speed").value);
    localStorage.setItem(SPEED_KEPT, at("speed").value);
  });
  const speed = localStorage.getItem(SPEED_KEPT);
  if (speed && [...at("speed").options].some((option) => option.value === speed)) {
    at("speed").value = speed;
    media.playbackRate = media.defaultPlaybackRate = Number(speed);
  }
  if (navigator.mediaSession) { // the keys of a keyboard or of headphones
    navigator.mediaSession.metadata = new MediaMetadata({ title });
    for (const [key, by] of [["seekbackward", -5], ["seekforward", 5]]) navigator.mediaSession.setActionHandler(key, () => skip(by));
  }
  measure();
  return { seek, toggle, skip, time: () => media.currentTime, playing: () => !media.paused };
}
