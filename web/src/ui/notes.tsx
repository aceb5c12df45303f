// SPDX-License-Identifier: GPL-2.0
// Banners and notes for the states that are not "all is well".

import { age, clock } from "../core/time";
import { connection, closedWhy, everOpened, newest, newestAt, paused, restartedAt, retryAt, stale, togglePause, wall } from "../state";
import { retryNow } from "../model";
import { Icon, Mark } from "./common";

export function FirstRunNote() {
  return (
    <main class="page">
      <section class="empty" role="status">
        <span class="pulse" aria-hidden="true"><i /><i /><i /><i /><i /></span>
        <h1>{connection.value === "open" ? "Waiting for the first sample" : "Connecting to sgprobe"}</h1>
        <p>Heat maps begin with the first second that is measured.</p>
      </section>
    </main>
  );
}

export function Banner() {
  if (connection.value !== "open" && everOpened.value) return <Disconnected />;
  if (stale.value)
    return (
      <div class="banner bad" role="alert">
        <Mark level="bad" />
        <p><b>No new samples for {age(wall.value - newestAt.value)}.</b> The last one is from {clock(newest.value)}. The server answers, the probe process does not deliver; sgprobe status says more.</p>
      </div>
    );
  if (restartedAt.value && wall.value - restartedAt.value < 15_000)
    return (
      <div class="banner info" role="status">
        <Mark level="good" />
        <p>sgprobe's server was started again at {clock(restartedAt.value)}. Samples that it kept were loaded, so the charts have no hole.</p>
      </div>
    );
  if (paused.value !== null)
    return (
      <div class="banner info" role="status">
        <Icon name="pause" />
        <p><b>Paused</b> at {clock(paused.value)}. Samples are still being collected.</p>
        <button onClick={togglePause}>Resume</button>
      </div>
    );
  return null;
}
function Disconnected() {
  const left = Math.max(0, Math.ceil((retryAt.value - wall.value) / 1000));
  const trying = connection.value === "connecting";
  return (
    <div class="banner bad" role="alert">
      <Mark level="bad" />
      <p>
        <b>Not connected{closedWhy.value ? `: ${closedWhy.value}` : ""}.</b> {newest.value ? `What you see ended at ${clock(newest.value)}, ${age(wall.value - newestAt.value)} ago.` : ""}{" "}
        <span aria-live="off">{trying ? "Trying now…" : `Next attempt in ${left} s.`}</span>
      </p>
      <button onClick={retryNow} disabled={trying}>Try now</button>
    </div>
  );
}
