package io.tidemark.lease.consul;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.tidemark.lease.BootClock;
import io.tidemark.lease.LeaserTestBed.Loss;
import io.tidemark.lease.support.Json;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * Consul's sessions, keys and transactions over HTTP, with the rules that a lease meets: the TTL is
 * doubled, the end of a session that held a lock starts the lock delay, a transaction does all or
 * nothing. Time is a clock of the test.
 *
 * <p>Sources: "Session" and "Transaction" of Consul's API documentation, and its sources (agent
 * package, state store) for the texts of refusals.
 */
public final class FakeConsul implements AutoCloseable {
  /** The server multiplies the TTL to allow for delays and clocks. */
  private static final int TTL_MULTIPLIER = 2;

  private static final long DEFAULT_LOCK_DELAY = TimeUnit.SECONDS.toNanos(15);

  private record Session(
      String id, String name, long ttl, long lockDelay, boolean delete, long[] endsAt) {}

  private record Key(
      String value, String session, long create, long modify, long lock, long flags) {}

  private final BootClock clock;
  private final HttpServer server;
  private final int port;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final Map<String, Session> sessions = new LinkedHashMap<>();
  private final Map<String, Long> lockedOutUntil = new LinkedHashMap<>();
  private TreeMap<String, Key> keys = new TreeMap<>();
  private long index = 10;
  private String token = "";
  private Loss loss = Loss.NOTHING;
  private final List<String> late = new ArrayList<>();

  FakeConsul(BootClock clock, int port) throws IOException {
    this.clock = clock;
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
    this.port = server.getAddress().getPort();
  }

  /** A server in real time, on a port of its own. */
  public static FakeConsul start() throws IOException {
    return new FakeConsul(BootClock.monotonic(), 0);
  }

  /** Another one on the same port, with what this one had, after {@link #close}. */
  public FakeConsul startAgain() throws IOException {
    FakeConsul next = new FakeConsul(clock, port);
    next.takeOver(this);
    return next;
  }

  public URI url() {
    return URI.create("http://127.0.0.1:" + port);
  }

  int port() {
    return port;
  }

  synchronized void requireToken(String required) {
    token = required;
  }

  synchronized void lose(Loss next) {
    loss = next;
  }

  synchronized void deliverLate() throws IOException {
    for (String body : late) {
      transaction(body);
    }
    late.clear();
  }

  synchronized void deleteKey(String key) {
    keys.remove(key);
    changed();
  }

  synchronized void setValue(String key, String value) {
    put(key, base64(value), keys.get(key).session, 0);
    changed();
  }

  synchronized List<String> sessionNames() {
    return sessions.values().stream().map(Session::name).toList();
  }

  /** Copies what is stored into a server that was just started, as a restart would. */
  synchronized void takeOver(FakeConsul before) {
    keys = before.keys;
    sessions.putAll(before.sessions);
    lockedOutUntil.putAll(before.lockedOutUntil);
    index = before.index;
  }

  private void changed() {
    index++;
    notifyAll();
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] body = exchange.getRequestBody().readAllBytes();
      Reply reply = answer(exchange, new String(body, StandardCharsets.UTF_8));
      if (reply == null) {
        return; // The connection is cut.
      }
      byte[] bytes = reply.body.getBytes(StandardCharsets.UTF_8);
      exchange.getResponseHeaders().set("Content-Type", "application/json");
      exchange.getResponseHeaders().set("X-Consul-Index", Long.toString(reply.index));
      exchange.sendResponseHeaders(reply.status, bytes.length == 0 ? -1 : bytes.length);
      exchange.getResponseBody().write(bytes);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private record Reply(int status, String body, long index) {}

  private synchronized Reply answer(HttpExchange exchange, String body)
      throws IOException, InterruptedException {
    expire();
    String path = exchange.getRequestURI().getPath();
    Map<String, String> query = query(exchange.getRequestURI());
    String given = exchange.getRequestHeaders().getFirst("X-Consul-Token");
    if (!token.isEmpty() && !token.equals(given)) {
      return reply(403, "rpc error making call: Permission denied");
    }
    if (path.startsWith("/v1/kv/")) {
      return keyValue(exchange.getRequestMethod(), path.substring(7), query, body);
    }
    if (path.equals("/v1/txn") && exchange.getRequestMethod().equals("PUT")) {
      return lossy(body);
    }
    if (path.startsWith("/v1/session/")) {
      return session(exchange.getRequestMethod(), path.substring(12), body);
    }
    return reply(404, "no such path");
  }

  private Reply lossy(String body) throws IOException {
    if (loss == Loss.LATE) {
      late.add(body);
    }
    if (loss == Loss.LATE || loss == Loss.REQUEST) {
      return null;
    }
    Reply reply = transaction(body);
    return loss == Loss.ANSWER ? null : reply;
  }

  private Reply reply(int status, Object value) {
    return new Reply(status, value instanceof String text ? text : Json.write(value), index);
  }

  private static Map<String, String> query(URI uri) {
    Map<String, String> query = new LinkedHashMap<>();
    if (uri.getRawQuery() != null) {
      for (String pair : uri.getRawQuery().split("&")) {
        String[] parts = pair.split("=", 2);
        query.put(
            parts[0], parts.length == 1 ? "" : URLDecoder.decode(parts[1], StandardCharsets.UTF_8));
      }
    }
    return query;
  }

  // Sessions

  private Reply session(String method, String path, String body) throws IOException {
    String[] parts = path.split("/", 2);
    String id = parts.length == 2 ? parts[1] : "";
    switch (method + " " + parts[0]) {
      case "PUT create":
        return create(body.isEmpty() ? Map.of() : Json.parseObject(body));
      case "PUT renew":
        Session session = sessions.get(id);
        if (session == null) {
          return reply(404, "Session id '" + id + "' not found");
        }
        session.endsAt[0] = clock.nanos() + TTL_MULTIPLIER * session.ttl;
        return reply(200, List.of(shown(session)));
      case "PUT destroy":
        end(sessions.remove(id));
        return reply(200, "true");
      case "GET info":
        return reply(200, sessions.containsKey(id) ? List.of(shown(sessions.get(id))) : List.of());
      case "GET list":
        return reply(200, sessions.values().stream().map(FakeConsul::shown).toList());
      default:
        return reply(405, "method not allowed");
    }
  }

  private Reply create(Map<String, Object> asked) {
    long ttl = nanos(asked.getOrDefault("TTL", asked.getOrDefault("ttl", "")));
    if (ttl != 0 && (ttl < TimeUnit.SECONDS.toNanos(10) || ttl > TimeUnit.HOURS.toNanos(24))) {
      return reply(
          500, "Invalid Session TTL '" + ttl + "', must be between [10s=24h0m0s]"); // as it is said
    }
    Object delay = asked.getOrDefault("LockDelay", asked.get("lockdelay"));
    Object behavior = asked.getOrDefault("Behavior", asked.getOrDefault("behavior", "release"));
    Session session =
        new Session(
            UUID.randomUUID().toString(),
            String.valueOf(asked.getOrDefault("Name", asked.getOrDefault("name", ""))),
            ttl,
            delay == null ? DEFAULT_LOCK_DELAY : nanos(delay),
            behavior.equals("delete"),
            new long[] {clock.nanos() + TTL_MULTIPLIER * ttl});
    sessions.put(session.id, session);
    changed();
    return reply(200, Map.of("ID", session.id));
  }

  /** Durations in Go's notation, as far as clients send it. */
  private static long nanos(Object duration) {
    if (duration instanceof Number number) {
      return TimeUnit.SECONDS.toNanos(number.longValue());
    }
    String text = (String) duration;
    if (text.isEmpty()) {
      return 0;
    }
    return text.endsWith("ms")
        ? TimeUnit.MILLISECONDS.toNanos(Long.parseLong(text.substring(0, text.length() - 2)))
        : TimeUnit.SECONDS.toNanos(Long.parseLong(text.substring(0, text.length() - 1)));
  }

  private static Map<String, Object> shown(Session session) {
    Map<String, Object> shown = new LinkedHashMap<>();
    shown.put("ID", session.id);
    shown.put("Name", session.name);
    shown.put("TTL", Duration.ofNanos(session.ttl).toSeconds() + "s");
    shown.put("LockDelay", session.lockDelay);
    shown.put("Behavior", session.delete ? "delete" : "release");
    shown.put("Checks", List.of());
    return shown;
  }

  private void expire() {
    for (Session session : List.copyOf(sessions.values())) {
      if (session.ttl != 0 && clock.nanos() - session.endsAt[0] >= 0) {
        end(sessions.remove(session.id));
      }
    }
  }

  private void end(Session session) {
    if (session == null) {
      return;
    }
    for (Map.Entry<String, Key> entry : List.copyOf(keys.entrySet())) {
      Key key = entry.getValue();
      if (key.session.equals(session.id)) {
        if (session.lockDelay > 0) {
          lockedOutUntil.put(entry.getKey(), clock.nanos() + session.lockDelay);
        }
        if (session.delete) {
          keys.remove(entry.getKey());
        } else {
          keys.put(
              entry.getKey(), new Key(key.value, "", key.create, index + 1, key.lock, key.flags));
        }
      }
    }
    changed();
  }

  // Keys

  private Reply keyValue(String method, String key, Map<String, String> query, String body)
      throws InterruptedException {
    switch (method) {
      case "GET":
        return read(key, query);
      case "PUT":
        Map<String, Object> operation = new LinkedHashMap<>();
        operation.put("Key", key);
        operation.put("Value", base64(body));
        operation.put("Verb", "set");
        if (query.containsKey("cas")) {
          operation.put("Verb", "cas");
          operation.put("Index", Long.valueOf(query.get("cas")));
        } else if (query.containsKey("acquire")) {
          operation.put("Verb", "lock");
          operation.put("Session", query.get("acquire"));
        } else if (query.containsKey("release")) {
          operation.put("Verb", "unlock");
          operation.put("Session", query.get("release"));
        }
        return reply(200, run(List.of(operation), new ArrayList<>()).isEmpty() ? "true" : "false");
      case "DELETE":
        keys.keySet()
            .removeIf(
                name -> query.containsKey("recurse") ? name.startsWith(key) : name.equals(key));
        changed();
        return reply(200, "true");
      default:
        return reply(405, "method not allowed");
    }
  }

  private Reply read(String key, Map<String, String> query) throws InterruptedException {
    boolean below = query.containsKey("recurse");
    long seen = Long.parseLong(query.getOrDefault("index", "0"));
    long end = System.nanoTime() + nanos(query.getOrDefault("wait", "300s"));
    while (seen > 0 && modified(key, below) <= seen && System.nanoTime() - end < 0) {
      TimeUnit.NANOSECONDS.timedWait(this, Math.min(end - System.nanoTime(), 50_000_000));
      expire();
    }
    List<Object> found = new ArrayList<>();
    for (Map.Entry<String, Key> entry : keys.tailMap(key).entrySet()) {
      if (below ? entry.getKey().startsWith(key) : entry.getKey().equals(key)) {
        found.add(shown(entry.getKey(), entry.getValue(), true));
      }
    }
    long shownIndex = modified(key, below);
    return found.isEmpty()
        ? new Reply(404, "", shownIndex)
        : new Reply(200, Json.write(found), shownIndex);
  }

  /** The real server counts deletions as well; the index of everything is a coarser hint. */
  private long modified(String key, boolean below) {
    return index;
  }

  private static Map<String, Object> shown(String name, Key key, boolean withValue) {
    Map<String, Object> shown = new LinkedHashMap<>();
    shown.put("LockIndex", key.lock);
    shown.put("Key", name);
    shown.put("Flags", key.flags);
    shown.put("Value", withValue ? key.value : null);
    if (!key.session.isEmpty()) {
      shown.put("Session", key.session);
    }
    shown.put("CreateIndex", key.create);
    shown.put("ModifyIndex", key.modify);
    return shown;
  }

  static String base64(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
  }

  // Transactions

  private Reply transaction(String body) throws IOException {
    List<Map<String, Object>> operations = new ArrayList<>();
    for (Object operation : (List<?>) Json.parse(body)) {
      operations.add(Json.object(Json.asObject((Map<?, ?>) operation), "KV"));
    }
    if (body.length() > 512 * 1024) {
      return reply(413, "Request body too large, max size: 524288 bytes");
    }
    List<Object> results = new ArrayList<>();
    List<Object> errors = run(operations, results);
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("Results", errors.isEmpty() ? results : null);
    answer.put("Errors", errors.isEmpty() ? null : errors);
    return reply(errors.isEmpty() ? 200 : 409, answer);
  }

  /** All or nothing; returns what refused. */
  private List<Object> run(List<Map<String, Object>> operations, List<Object> results) {
    List<Object> errors = new ArrayList<>();
    for (int i = 0; i < operations.size(); i++) {
      Map<String, Object> operation = operations.get(i);
      String key = Json.text(operation, "Key");
      if (Json.text(operation, "Verb").equals("lock")
          && lockedOutUntil.containsKey(key)
          && clock.nanos() - lockedOutUntil.get(key) < 0) {
        errors.add(error(i, "failed to lock key \"" + key + "\" due to lock delay"));
      }
    }
    if (!errors.isEmpty()) {
      return errors;
    }
    TreeMap<String, Key> before = new TreeMap<>(keys);
    for (int i = 0; i < operations.size(); i++) {
      String refused = apply(operations.get(i), results);
      if (!refused.isEmpty()) {
        errors.add(error(i, refused));
      }
    }
    if (errors.isEmpty()) {
      changed();
    } else {
      keys = before;
    }
    return errors;
  }

  private static Map<String, Object> error(int operation, String what) {
    Map<String, Object> error = new LinkedHashMap<>();
    error.put("OpIndex", operation);
    error.put("What", what);
    return error;
  }

  private String apply(Map<String, Object> operation, List<Object> results) {
    String name = Json.text(operation, "Key");
    String value = Json.text(operation, "Value");
    String session = Json.text(operation, "Session");
    long expected = Json.number(operation, "Index");
    Key key = keys.get(name);
    switch (Json.text(operation, "Verb")) {
      case "set":
        put(name, value, key == null ? "" : key.session, 0);
        break;
      case "cas":
        if (expected == 0 ? key != null : key == null || key.modify != expected) {
          return "failed to set key \"" + name + "\", index is stale";
        }
        put(name, value, key == null ? "" : key.session, 0);
        break;
      case "lock":
        if (!sessions.containsKey(session)) {
          return "invalid session \"" + session + "\"";
        }
        if (key != null && !key.session.isEmpty() && !key.session.equals(session)) {
          return "failed to lock key \"" + name + "\", lock is already held";
        }
        put(name, value, session, key != null && key.session.equals(session) ? 0 : 1);
        break;
      case "unlock":
        if (key == null || !key.session.equals(session)) {
          return "failed to unlock key \"" + name + "\", lock isn't held, or is held by another";
        }
        put(name, value, "", 0);
        break;
      case "check-session":
        if (key == null) {
          return "failed to check session for key \"" + name + "\", key doesn't exist";
        }
        if (!key.session.equals(session)) {
          return "failed session check for key \"" + name + "\", current session \"" + key.session;
        }
        break;
      case "check-index":
        if (key == null || key.modify != expected) {
          return "failed index check for key \"" + name + "\"";
        }
        break;
      case "get":
        if (key == null) {
          return "key \"" + name + "\" doesn't exist";
        }
        results.add(Map.of("KV", shown(name, key, true)));
        return "";
      case "check-not-exists":
        return key == null ? "" : "key \"" + name + "\" exists";
      case "delete":
        keys.remove(name);
        return "";
      case "delete-cas":
        if (key != null && key.modify != expected) {
          return "failed to delete key \"" + name + "\", index is stale";
        }
        keys.remove(name);
        return "";
      default:
        return "unknown KV verb \"" + operation.get("Verb") + "\"";
    }
    results.add(Map.of("KV", shown(name, keys.get(name), false)));
    return "";
  }

  private void put(String name, String value, String session, int lockedMore) {
    Key before = keys.get(name);
    long next = index + 1;
    keys.put(
        name,
        before == null
            ? new Key(value, session, next, next, lockedMore, 0)
            : new Key(value, session, before.create, next, before.lock + lockedMore, before.flags));
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
