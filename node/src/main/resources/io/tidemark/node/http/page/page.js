"use strict";
// Shows what /status and /events of this node say. Text from them goes into the page as text only
// (textContent), so no name can become markup. Nothing here changes anything.
(() => {
  const EVERY_MILLIS = 1000;
  const KEPT_SAMPLES = 300; // five minutes
  const KEPT_EVENTS = 100;
  const ANSWER_MILLIS = 5000;
  const byId = (id) => document.getElementById(id);
  const samples = new Map(); // "what: name" -> numbers, the last is the newest
  let token = sessionStorage.getItem("token");
  let failing = false;

  function element(name, text, kind) {
    const made = document.createElement(name);
    if (text !== undefined && text !== null) made.textContent = String(text);
    if (kind) made.className = kind;
    return made;
  }

  // ------------------------------------------------------------- values for people

  const size = (bytes) => {
    let unit = 0;
    let value = bytes;
    while (value >= 1024 && unit < 4) { value /= 1024; unit++; }
    return (unit === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)) + " " + ["B", "KiB", "MiB", "GiB", "TiB"][unit];
  };

  const span = (millis) => {
    if (millis === null || millis === undefined) return "never up to date";
    if (millis < 10000) return millis + " ms";
    const seconds = Math.floor(millis / 1000);
    if (seconds < 120) return seconds + " s";
    return seconds < 7200 ? Math.floor(seconds / 60) + " min"
      : seconds < 172800 ? Math.floor(seconds / 3600) + " h" : Math.floor(seconds / 86400) + " d";
  };

  const ago = (time) => time ? span(Math.max(0, Date.now() - Date.parse(time))) + " ago" : "-";
  const lagKind = (millis) => millis === null || millis > 10000 ? "bad" : millis > 1000 ? "warn" : "good";

  // --------------------------------------------------------------------- drawing

  function remember(key, value) {
    const kept = samples.get(key) || [];
    kept.push(value);
    if (kept.length > KEPT_SAMPLES) kept.shift();
    samples.set(key, kept);
    return kept;
  }

  function line(values, title) {
    const ns = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(ns, "svg");
    svg.setAttribute("class", "line");
    svg.setAttribute("viewBox", "0 0 " + (KEPT_SAMPLES - 1) + " 100");
    svg.setAttribute("preserveAspectRatio", "none");
    const most = Math.max(1, ...values);
    const points = values.map((v, i) => (KEPT_SAMPLES - values.length + i) + "," + (97 - 94 * v / most).toFixed(1));
    const drawn = document.createElementNS(ns, "polyline");
    drawn.setAttribute("points", points.join(" "));
    const label = document.createElementNS(ns, "title");
    label.textContent = title + ", at most " + most;
    svg.append(label, drawn);
    return svg;
  }

  function table(id, titles, rows) {
    const head = element("tr");
    titles.forEach((title, i) => head.append(element("th", title, rows.length > 0 ? rows[0][i].kind : "")));
    const parts = [head];
    rows.forEach((cells) => {
      const row = element("tr");
      cells.forEach((cell) => {
        const made = element("td", cell.node ? undefined : cell.text, cell.kind);
        if (cell.node) made.append(cell.node);
        row.append(made);
      });
      parts.push(row);
    });
    byId(id).replaceChildren(...parts);
  }

  const cell = (text, kind) => ({ text, kind });

  function showNode(status) {
    const cluster = status.cluster;
    const rows = [
      ["Epoch", status.epoch],
      ["Node", status.nodeID],
      ["Cluster", status.clusterID],
      ["Mount", status.mount + (status.mounted ? "" : " (not mounted)"), status.mounted ? "" : "bad"],
      ["Data", status.path],
      ["Version", status.version],
    ];
    const primary = status.primary;
    if (!status.isPrimary) {
      rows.push(["Primary", primary ? (primary.hostname || "?") + ", " + primary.advertiseURL
        + (primary.connected ? "" : " (not connected: " + primary.problem + ")") : "none known",
      primary && primary.connected ? "" : "bad"]);
      rows.push(["Lag", span(status.lagMillis), lagKind(status.lagMillis)]);
    }
    if (cluster) {
      const record = cluster.record;
      if (!status.isPrimary) rows.push(["State", cluster.reason]);
      if (record) {
        rows.push(["In sync", record.inSync.join(" ")]);
        rows.push(["Commits", record.commit + (record.commit === "sync" ? ", at least " + record.minInSync + " nodes" : "")]);
      }
      if (cluster.storeProblem) rows.push(["Lease", cluster.storeProblem, "bad"]);
      cluster.inDoubt.forEach((d) => rows.push(["In doubt", d.name + " " + d.firstTxid + " to " + d.lastTxid + " since " + d.since, "bad"]));
    }
    const parts = [];
    rows.forEach(([title, value, kind]) => parts.push(element("dt", title), element("dd", value, kind)));
    byId("node").replaceChildren(...parts);
  }

  function showNodes(status) {
    const inSync = status.cluster && status.cluster.record ? status.cluster.record.inSync : null;
    const member = (id) => inSync === null ? "-" : inSync.includes(id) ? "yes" : "no";
    const rows = [[cell(status.nodeID, "code"), cell(status.hostname + " (this node)"), cell(status.role),
      cell(member(status.nodeID)), cell(status.isPrimary ? "-" : span(status.lagMillis), "number"), cell("-"), cell("-", "number")]];
    if (!status.isPrimary && status.primary) {
      rows.push([cell(status.primary.nodeID || "?", "code"), cell(status.primary.advertiseURL), cell("primary"),
        cell(member(status.primary.nodeID)), cell("-", "number"), cell("-"), cell((status.primary.roundTripMicros / 1000).toFixed(1) + " ms", "number")]);
    }
    status.replicas.forEach((replica) => {
      const lags = replica.databases.map((d) => d.lagMillis);
      const lag = lags.includes(null) ? null : Math.max(0, ...lags);
      const kept = remember("replica: " + replica.nodeID, lag || 0);
      rows.push([cell(replica.nodeID, "code"), cell(replica.advertiseURL || replica.remote), cell("replica"), cell(member(replica.nodeID)),
        cell(lag === null ? "catching up" : span(lag), "number " + lagKind(lag)), { node: line(kept, "lag in ms") },
        cell((replica.roundTripMicros / 1000).toFixed(1) + " ms", "number")]);
    });
    table("nodes", ["Id", "Address", "Role", "In sync", "Lag", "Lag, last 5 min", "Round trip"], rows);
  }

  const positions = new Map(); // name -> {txid, at}

  function commitsPerSecond(name, txid) {
    const now = performance.now();
    const before = positions.get(name);
    positions.set(name, { txid, at: now });
    if (!before) return 0;
    return Math.max(0, Math.round(Number(txid - before.txid) * 1000 / Math.max(1, now - before.at)));
  }

  function showDatabases(status) {
    const rows = status.databases.map((db) => {
      const rate = commitsPerSecond(db.name, BigInt("0x" + db.txid));
      const shown = status.isPrimary ? rate : db.lagMillis;
      const kept = remember("database: " + db.name, shown || 0);
      const problem = db.problem || db.replicationProblem;
      return [cell(db.name), cell(db.txid, "code"), cell(db.checksum, "code"), cell(db.journalMode || "-"), cell(size(db.size), "number"),
        cell(size(db.logBytes), "number"), cell(ago(db.lastCommit), "number"),
        cell(status.isPrimary ? rate + "/s" : span(db.lagMillis), "number"),
        { node: line(kept, status.isPrimary ? "transactions a second" : "lag in ms") },
        cell(db.health + (problem ? ": " + problem : ""), problem || db.health !== "ok" ? "bad" : "good")];
    });
    const last = status.isPrimary ? "Commits" : "Lag";
    table("databases", ["Name", "Position", "Checksum", "Mode", "Size", "Log", "Last commit", last, last + ", last 5 min", "Health"], rows);
  }

  function showDivergences(status) {
    byId("divergences-section").hidden = status.divergences.length === 0;
    table("divergences", ["Database", "First", "Last", "Where", "Why"], status.divergences.map((d) =>
      [cell(d.name), cell(d.firstTxid, "code"), cell(d.lastTxid, "code"), cell(d.path), cell(d.why)]));
  }

  function show(status) {
    document.title = status.hostname + ": " + status.role + " - Tidemark";
    byId("host").textContent = status.hostname;
    byId("role").textContent = status.role;
    byId("role").className = "badge " + (status.isPrimary ? "good" : "quiet");
    showNode(status);
    showNodes(status);
    showDatabases(status);
    showDivergences(status);
    byId("seen").textContent = new Date().toLocaleTimeString();
  }

  // ---------------------------------------------------------------------- events

  function describe(event) {
    const data = event.data || {};
    switch (event.type) {
      case "init": return ["Listening: the primary is " + (data.hostname || "unknown")];
      case "tx": return [event.db + ": transaction " + data.txID];
      case "primaryChange": return ["The primary is now " + (data.hostname || "unknown"), "warn"];
      case "divergence": return [event.db + ": set aside " + data.firstTxID + " to " + data.lastTxID + ", " + data.why, "bad"];
      case "error": return [data.error, "warn"];
      default: return [event.type];
    }
  }

  let waiting = [];

  function flushEvents() {
    if (waiting.length === 0) return;
    const list = byId("events");
    waiting.slice(-KEPT_EVENTS).forEach((event) => {
      const [text, kind] = describe(event);
      const item = element("li", undefined, kind);
      item.append(element("time", new Date().toLocaleTimeString()), text);
      list.prepend(item);
    });
    waiting = [];
    while (list.childElementCount > KEPT_EVENTS) list.lastElementChild.remove();
  }

  async function listen() {
    const answer = await ask("events");
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      lines.forEach((text) => waiting.push(JSON.parse(text)));
      if (waiting.length > 10 * KEPT_EVENTS) waiting = waiting.slice(-KEPT_EVENTS);
    }
  }

  // --------------------------------------------------------------------- asking

  async function ask(path, signal) {
    const answer = await fetch(path, {
      headers: token ? { Authorization: "Bearer " + token } : {}, cache: "no-store", credentials: "same-origin", signal,
    });
    if (answer.status === 401) {
      byId("token").hidden = false;
      throw new Error(token ? "That is not a token of this node." : "This node wants a token.");
    }
    if (!answer.ok) throw new Error("This node answers " + path + " with " + answer.status + ".");
    return answer;
  }

  function trouble(error) {
    failing = true;
    const silent = error instanceof TypeError || error.name === "TimeoutError";
    byId("trouble").textContent = silent ? "This node does not answer; what is below is old." : error.message;
    byId("trouble").hidden = false;
  }

  const pause = (millis) => new Promise((done) => setTimeout(done, millis));

  async function watchStatus() {
    for (;;) {
      try {
        show(await (await ask("status", AbortSignal.timeout(ANSWER_MILLIS))).json());
        flushEvents();
        if (failing) { failing = false; byId("trouble").hidden = true; byId("token").hidden = true; }
      } catch (error) {
        trouble(error);
      }
      await pause(EVERY_MILLIS);
    }
  }

  async function watchEvents() {
    for (;;) {
      try {
        await listen();
      } catch (error) {
        if (!failing) trouble(error);
      }
      await pause(3 * EVERY_MILLIS);
    }
  }

  byId("token-use").addEventListener("click", () => {
    token = byId("token-text").value;
    sessionStorage.setItem("token", token);
    byId("token-text").value = "";
  });
  watchStatus();
  watchEvents();
})();
