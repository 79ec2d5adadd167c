package io.tidemark.proxy;

import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.tidemark.proxy.Primaries.Standing;
import io.tidemark.proxy.ProxyCounters.Outcome;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * One request and its answer: waits for what it needs, finds who answers, passes both on. Of the
 * event loop of the client.
 */
final class Exchange implements Connecting.Result {
  /** A connection that waited no longer was surely not being closed by the other side. */
  private static final long FRESH_NANOS = TimeUnit.SECONDS.toNanos(1);

  private static final long KEPT_NANOS = TimeUnit.SECONDS.toNanos(30);
  private static final long RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
  private static final int MOST_HOPS = 4;

  /** RFC 5842, section 7.2. */
  private static final HttpResponseStatus LOOP_DETECTED =
      new HttpResponseStatus(508, "Loop Detected");

  private enum State {
    NEW,
    /** Until this node has what the client has seen. */
    WAITING,
    /** Until somebody may write, or the application can be reached. */
    HELD,
    CONNECTING,
    /** On its way, no answer yet. */
    SENT,
    ANSWERING,
    DONE
  }

  private final Proxy proxy;
  private final Loop loop;
  private final ClientConnection client;
  private final HttpRequest request;
  private final RequestBody body;
  private final boolean idempotent;
  private final String upgrade;
  private final long begin = System.nanoTime();
  private Route route;
  private State state = State.NEW;
  private String hops = "";
  private List<PositionCookie.Seen> seen = List.of();

  private Endpoint endpoint;
  private Connecting connecting;
  private Upstream upstream;

  /** Whether the application's answer is waited for by {@link Proxy#holdWrites}. */
  private boolean countsAsWrite;

  /** When a read began to wait, a request began to be held, or 0. */
  private long waitingSince;

  private long heldSince;

  /** When the application was first found unreachable, or 0. */
  private long unreachableSince;

  /** Not before; else at the next news. */
  private long retryAt;

  /** When an answer of a node that is primary no more is given up, or 0. */
  private long orphanedUntil;

  /** Of an answer whose body has not begun to come. */
  private HttpResponse head;

  private String problem;
  private boolean retried;
  private boolean keepUpstream;

  /** An interim answer is being passed on: its end is not the end. */
  private boolean interim;

  private boolean tunnel;
  private boolean parked;
  private Outcome outcome = Outcome.ABORTED;

  Exchange(Proxy proxy, Loop loop, ClientConnection client, HttpRequest request, boolean hasBody) {
    this.proxy = proxy;
    this.loop = loop;
    this.client = client;
    this.request = request;
    this.body = new RequestBody(client);
    this.idempotent = Routing.isIdempotent(request.method().name());
    this.upgrade = MessageHeaders.upgrade(request, hasBody);
  }

  // ------------------------------------------------------------------- beginning

  void start() {
    HttpHeaders headers = request.headers();
    String uri = request.uri();
    int query = uri.indexOf('?');
    String path = query < 0 ? uri : uri.substring(0, query);
    // What another node forwards has been found to be a write there.
    route = client.isPeer() ? Route.WRITE : proxy.routing.route(request.method().name(), path);
    if (route == Route.HEALTH) {
      health();
      return;
    }
    if (client.isPeer()) {
      hops = headers.get(MessageHeaders.HOPS, "");
    } else if (MessageHeaders.hasPassed(headers, proxy.pseudonym)) {
      refuse(
          Outcome.BAD_GATEWAY,
          new Refusal(
              LOOP_DETECTED,
              "this proxy has already passed this request on",
              "Check proxy.target: it must be the application, not a proxy."));
      return;
    }
    if (route == Route.READ) {
      seen = PositionCookie.find(headers.getAll(HttpHeaderNames.COOKIE));
    }
    prepare(headers);
    if (route == Route.WRITE) {
      findWriter();
    } else if (seen.isEmpty() || proxy.hasReached(seen)) {
      connect(proxy.target);
    } else {
      state = State.WAITING;
      waitingSince = System.nanoTime();
      proxy.counters.waited.increment();
      loop.awaitPositions(this);
      lookAgain(waitingSince, true); // it may have come before anybody listened
    }
  }

  private void prepare(HttpHeaders headers) {
    boolean asksFirst = headers.contains(HttpHeaderNames.EXPECT) && client.isOld();
    MessageHeaders.removeHopByHop(headers);
    headers.remove(MessageHeaders.HOPS);
    if (!client.isPeer()) {
      MessageHeaders.addForwarded(headers, client.address());
    }
    MessageHeaders.addVia(headers, request, proxy.pseudonym);
    if (upgrade != null) {
      headers.set(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE);
      headers.set(HttpHeaderNames.UPGRADE, upgrade);
    }
    if (asksFirst) {
      headers.remove(HttpHeaderNames.EXPECT); // HTTP/1.0 has no interim answers
    }
    if (!headers.contains(HttpHeaderNames.HOST)) {
      headers.set(HttpHeaderNames.HOST, proxy.target.host());
    }
    request.setProtocolVersion(HttpVersion.HTTP_1_1);
  }

  private void health() {
    long lag = proxy.lag.nanos();
    boolean fit = lag != Lag.UNKNOWN && lag <= proxy.settings.maxLag().toNanos();
    if (fit) {
      outcome = Outcome.HEALTH;
      finish();
      client.answer(HttpResponseStatus.OK, "{\"status\":\"ok\"}\n", null, null);
      return;
    }
    refuse(
        Outcome.HEALTH,
        new Refusal(
            HttpResponseStatus.SERVICE_UNAVAILABLE,
            lag == Lag.UNKNOWN
                ? "this node was never up to date with the primary"
                : lag / 1_000_000 + " ms behind the primary, more than proxy.max-lag",
            "tidemark status shows how far it is, and why."));
  }

  // ------------------------------------------------------------ waiting and holding

  /**
   * Something may have changed.
   *
   * @param news false when only time has passed
   */
  void lookAgain(long now, boolean news) {
    if (parked) {
      if (client.hasTakenAll() || client.isWritable() && !proxy.memory.isTight()) {
        unpark();
      }
    } else if (state == State.WAITING) {
      waitForPositions(now);
    } else if (state == State.HELD && (news || now - retryAt >= 0)) {
      if (unreachableSince != 0 && route != Route.WRITE) {
        if (now - retryAt >= 0) {
          connect(proxy.target);
        }
      } else {
        findWriter();
      }
    } else if (endpoint != null && endpoint.isPeer() && state == State.CONNECTING && news) {
      Standing standing = proxy.primaries.standing();
      if (!isPrimary(standing)) {
        connecting.cancel();
        connecting = null;
        findWriter();
      }
    } else if (state == State.SENT && endpoint.isPeer()) {
      watchPrimary(now);
    }
  }

  private boolean isPrimary(Standing standing) {
    return standing.primary() != null && endpoint.equals(Endpoint.of(standing.primary()));
  }

  /** A node that is primary no more still answers what it began, if it is alive. */
  private void watchPrimary(long now) {
    if (isPrimary(proxy.primaries.standing())) {
      orphanedUntil = 0;
    } else if (orphanedUntil == 0) {
      orphanedUntil = now + proxy.settings.primaryTimeout().toNanos();
    } else if (now - orphanedUntil >= 0) {
      Upstream silent = upstream;
      silent.close();
      upstreamClosed(silent, null);
    }
  }

  private void waitForPositions(long now) {
    if (proxy.hasReached(seen)) {
      proxy.counters.waitedNanos.add(now - waitingSince);
      loop.remove(this);
      connect(proxy.target);
    } else if (now - waitingSince > proxy.settings.limits().positionTimeout().toNanos()) {
      proxy.counters.waitedNanos.add(now - waitingSince);
      refuse(
          Outcome.BEHIND,
          new Refusal(
              HttpResponseStatus.GATEWAY_TIMEOUT,
              "this node does not have yet what you have written or seen",
              "Try again, or another node: tidemark status shows how far behind this one is."));
    }
  }

  private void findWriter() {
    loop.remove(this);
    Standing standing = proxy.primaries.standing();
    if (standing.here()) {
      if (proxy.beginWrite()) {
        countsAsWrite = true;
        endHold();
        connect(proxy.target);
      } else {
        hold("writes wait for a moment");
      }
      return;
    }
    unreachableSince = 0;
    PrimaryNode primary = standing.primary();
    if (primary == null) {
      hold("no node is known that may write now");
    } else if (proxy.settings.flyReplay() && !client.isPeer()) {
      replay(primary);
    } else if (hasPassedHere()) {
      // They are not helped by a third one that waits with them.
      hold("two nodes take each other for the primary", true);
    } else {
      connect(Endpoint.of(primary));
    }
  }

  private boolean hasPassedHere() {
    String[] passed = hops.isEmpty() ? new String[0] : hops.split(",");
    return passed.length >= MOST_HOPS
        || Arrays.stream(passed).anyMatch(hop -> hop.strip().equals(proxy.settings.nodeName()));
  }

  private void replay(PrimaryNode primary) {
    endHold();
    outcome = Outcome.REPLAYED;
    finish();
    client.answer(HttpResponseStatus.OK, "", "fly-replay", "instance=" + primary.hostname());
  }

  private void endHold() {
    if (heldSince != 0) {
      proxy.counters.heldNanos.add(System.nanoTime() - heldSince);
      heldSince = 0;
    }
  }

  /** Until somebody may write. */
  private void hold(String why) {
    hold(why, false);
  }

  /**
   * @param pointless whether the node that has sent the request had better look for itself; it can
   *     do so only if it has kept the body
   */
  private void hold(String why, boolean pointless) {
    long now = System.nanoTime();
    if (heldSince == 0) {
      heldSince = now;
      proxy.counters.held.increment();
    }
    problem = why;
    boolean late = now - heldSince >= proxy.settings.primaryTimeout().toNanos();
    if (late || pointless || proxy.isDraining()) {
      if (!pointless) {
        proxy.causes.warn("no request that writes can be served", problem);
      }
      endHold();
      refuse(
          Outcome.NO_PRIMARY,
          new Refusal(
              HttpResponseStatus.SERVICE_UNAVAILABLE,
              problem,
              "Nothing was done. Try again in a moment; tidemark status shows who is primary and"
                  + " what it waits for."));
      return;
    }
    state = State.HELD;
    retryAt = now + RETRY_NANOS;
    loop.awaitWriter(this);
  }

  // ------------------------------------------------------------------- connecting

  private void connect(Endpoint to) {
    endpoint = to;
    // An application may close a connection that it has kept for a while, unseen: what cannot be
    // sent twice takes no such risk. Another node keeps them longer than they wait here.
    Upstream kept = loop.pool().take(to, idempotent || to.isPeer() ? KEPT_NANOS : FRESH_NANOS);
    if (kept != null) {
      connected(kept);
      return;
    }
    state = State.CONNECTING;
    if (to.isPeer()) {
      loop.awaitWriter(this);
    }
    Connecting begun = loop.pool().connect(to, client.channelType(), this);
    connecting = state == State.CONNECTING ? begun : null;
  }

  @Override
  public void failed(Throwable why) {
    connecting = null;
    loop.remove(this);
    String reason = String.valueOf(why.getMessage());
    if (endpoint.isPeer()) {
      proxy.causes.warn(endpoint + " cannot be reached", reason);
      hold(reason);
      return;
    }
    endWrite();
    proxy.causes.warn(endpoint + " cannot be reached", reason);
    long now = System.nanoTime();
    unreachableSince = unreachableSince == 0 ? now : unreachableSince;
    long longest = proxy.settings.limits().startTimeout().toNanos();
    if (now - unreachableSince >= longest || proxy.isDraining()) {
      refuse(
          Outcome.BAD_GATEWAY,
          new Refusal(
              HttpResponseStatus.BAD_GATEWAY,
              endpoint + " cannot be reached",
              "Nothing was done. Check that it runs and that proxy.target is its address."));
      return;
    }
    state = State.HELD;
    retryAt = now + RETRY_NANOS;
    loop.awaitWriter(this);
  }

  @Override
  public void connected(Upstream to) {
    connecting = null;
    loop.remove(this);
    upstream = to;
    state = State.SENT;
    HttpHeaders headers = request.headers();
    if (endpoint.isPeer()) {
      String own = proxy.settings.nodeName();
      headers.set(MessageHeaders.HOPS, hops.isEmpty() ? own : hops + "," + own);
      loop.awaitWriter(this); // to notice that it is primary no more
      proxy.causes.over(endpoint + " cannot be reached");
    } else {
      headers.remove(MessageHeaders.HOPS);
      if (unreachableSince != 0) {
        unreachableSince = 0;
        proxy.causes.over(endpoint + " cannot be reached");
      }
    }
    boolean again = !endpoint.isPeer() && !idempotent;
    to.begin(this, request);
    body.attach(to);
    if (again) {
      body.forget();
    }
    to.flush();
  }

  // ---------------------------------------------------------------- from the client

  /** A piece of the body. */
  void requestPiece(HttpContent piece) {
    body.add(piece);
  }

  void requestFlush() {
    if (upstream != null) {
      upstream.flush();
    }
  }

  void clientWritable(boolean writable) {
    if (upstream == null) {
      return;
    }
    if (!writable) {
      upstream.read(false);
    } else if (!parked || !proxy.memory.isTight() || client.hasTakenAll()) {
      unpark();
    }
  }

  boolean isAnswering() {
    return state == State.ANSWERING;
  }

  /** Nobody wants the answer any more, or what is sent makes no sense. */
  void abort(Outcome why) {
    if (state != State.DONE) {
      outcome = why;
      if (upstream != null) {
        upstream.close();
        upstream = null;
      }
      finish();
    }
  }

  // -------------------------------------------------------------- from the upstream

  void upstreamWritable() {
    body.steer();
  }

  void answered(HttpResponse answer) {
    if (answer.decoderResult().isFailure()) {
      broken(endpoint + " sent no valid HTTP answer");
      return;
    }
    HttpHeaders headers = answer.headers();
    if (answer.status().codeClass() == HttpStatusClass.INFORMATIONAL) {
      interimAnswer(answer);
      return;
    }
    if (endpoint.isPeer() && headers.contains(MessageHeaders.NOT_DONE)) {
      notDone(headers.get(MessageHeaders.NOT_DONE));
      return;
    }
    keepUpstream = HttpUtil.isKeepAlive(answer) && hasEnd(answer);
    MessageHeaders.removeHopByHop(headers);
    headers.remove(MessageHeaders.NOT_DONE);
    if (route == Route.WRITE && !endpoint.isPeer()) {
      String cookie = proxy.cookie();
      if (cookie != null) {
        headers.add(HttpHeaderNames.SET_COOKIE, cookie);
      }
    }
    // The body may come in a packet of its own. If it never comes there is nothing to take back.
    if (!client.isHead() && HttpUtil.getContentLength(answer, 0L) > 0) {
      head = answer;
    } else {
      sendHead(answer);
    }
  }

  private void sendHead(HttpResponse answer) {
    head = null;
    state = State.ANSWERING;
    loop.remove(this);
    endHold();
    body.forget();
    client.head(answer);
  }

  /** Whether the answer says where it ends, other than by the end of the connection. */
  private boolean hasEnd(HttpResponse answer) {
    int code = answer.status().code();
    return client.isHead()
        || code == 204
        || code == 304
        || HttpUtil.isContentLengthSet(answer)
        || HttpUtil.isTransferEncodingChunked(answer);
  }

  private void interimAnswer(HttpResponse answer) {
    interim = true;
    if (answer.status().code() != 101) {
      if (!client.isOld()) {
        MessageHeaders.removeHopByHop(answer.headers());
        client.interim(answer);
      }
      return;
    }
    if (upgrade == null) {
      broken(endpoint + " changed the protocol without being asked");
      return;
    }
    tunnel = true;
    String protocol = answer.headers().get(HttpHeaderNames.UPGRADE, upgrade);
    MessageHeaders.removeHopByHop(answer.headers());
    answer
        .headers()
        .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE)
        .set(HttpHeaderNames.UPGRADE, protocol);
    client.interim(answer);
  }

  /** A piece of the answer; belongs to this from here on. */
  void answerPiece(HttpContent piece) {
    if (state == State.DONE) {
      piece.release();
    } else if (interim) {
      boolean passed = !client.isOld();
      if (piece instanceof LastHttpContent) {
        interim = false;
        if (tunnel) {
          beginTunnel(piece);
          return;
        }
      }
      if (passed) {
        client.piece(piece);
      } else {
        piece.release();
      }
    } else if (piece.decoderResult().isFailure()) {
      piece.release();
      broken(endpoint + " broke off its answer");
    } else if (state != State.ANSWERING && head == null) {
      piece.release(); // of an answer that is not passed on
    } else {
      if (head != null) {
        sendHead(head);
      }
      boolean last = piece instanceof LastHttpContent;
      client.piece(piece);
      if (!client.isWritable() || proxy.memory.isTight()) {
        park();
      }
      if (last) {
        answerEnded();
      }
    }
  }

  void answerFlush() {
    client.flush();
    if (parked && client.hasTakenAll()) {
      unpark();
    }
  }

  /** The answer is read no more until its client has taken what was read. */
  private void park() {
    upstream.read(false);
    if (!parked) {
      parked = true;
      loop.park(this);
    }
  }

  private void unpark() {
    parked = false;
    loop.remove(this);
    if (upstream != null) {
      upstream.read(true);
    }
  }

  private void answerEnded() {
    outcome =
        endpoint.isPeer()
            ? Outcome.FORWARDED
            : switch (route) {
              case READ -> Outcome.READ;
              case WRITE -> Outcome.WRITE;
              default -> Outcome.PASSTHROUGH;
            };
    Upstream used = upstream;
    upstream = null;
    boolean keep = keepUpstream && body.isSent();
    finish();
    if (keep) {
      loop.pool().release(used);
    } else {
      used.close();
    }
    client.end();
  }

  private void beginTunnel(HttpContent last) {
    outcome = Outcome.PASSTHROUGH;
    Upstream used = upstream;
    upstream = null;
    proxy.counters.tunnels.increment();
    client.channelClosed().addListener(closed -> proxy.counters.tunnels.decrement());
    finish();
    client.piece(last);
    TunnelEnd toClient = new TunnelEnd(client.channel());
    client.become(new TunnelEnd(used.channel()), () -> used.become(toClient));
  }

  /** Another proxy says that it has done nothing. */
  private void notDone(String why) {
    Upstream used = upstream;
    upstream = null;
    used.close(); // the body may be half sent
    body.detach();
    if (!body.isComplete()) {
      refuse(
          Outcome.NO_PRIMARY,
          new Refusal(
              HttpResponseStatus.SERVICE_UNAVAILABLE,
              why,
              "Nothing was done. Send the request again: it is too large to be kept here."));
      return;
    }
    loop.remove(this);
    state = State.CONNECTING;
    hold(why);
  }

  private void broken(String why) {
    Upstream used = upstream;
    upstream = null;
    if (used != null) {
      used.close();
    }
    fail(used, why);
  }

  void upstreamClosed(Upstream closed, Throwable cause) {
    upstream = null;
    String why = endpoint + " closed the connection without an answer";
    fail(closed, cause == null ? why : why + " (" + cause.getMessage() + ")");
  }

  private void fail(Upstream used, String why) {
    loop.remove(this);
    body.detach();
    head = null;
    boolean answering = state == State.ANSWERING;
    boolean again = !answering && idempotent && body.isComplete() && !client.isAnswered();
    if (again && (!retried || used != null && used.isReused() && !proxy.isDraining())) {
      retried |= used == null || !used.isReused();
      proxy.counters.retried.increment();
      orphanedUntil = 0;
      endWrite();
      if (route == Route.WRITE) {
        findWriter();
      } else {
        connect(proxy.target);
      }
      return;
    }
    proxy.causes.warn("a connection broke", why);
    if (answering || client.isAnswered()) {
      outcome = Outcome.BAD_GATEWAY;
      finish();
      client.close(); // the client sees that the answer is not complete
      return;
    }
    refuse(
        Outcome.BAD_GATEWAY,
        new Refusal(
            HttpResponseStatus.BAD_GATEWAY,
            why,
            idempotent
                ? "Try again; the application's log may say more."
                : "It is not known whether the request was carried out. Look before you send it"
                    + " again; the application's log may say more."));
  }

  // ------------------------------------------------------------------------ the end

  private void refuse(Outcome why, Refusal refusal) {
    boolean nothingDone = state != State.SENT;
    outcome = why;
    finish();
    client.refuse(refusal, nothingDone);
  }

  private void endWrite() {
    if (countsAsWrite) {
      countsAsWrite = false;
      proxy.endWrite();
    }
  }

  private void finish() {
    state = State.DONE;
    if (connecting != null) {
      connecting.cancel();
      connecting = null;
    }
    loop.remove(this);
    endWrite();
    endHold();
    body.close();
    proxy.counters.count(outcome);
  }
}
