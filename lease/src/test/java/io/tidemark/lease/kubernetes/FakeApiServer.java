package io.tidemark.lease.kubernetes;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import io.tidemark.lease.LeaserTestBed.Loss;
import io.tidemark.lease.support.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;

/**
 * The leases of one namespace as an API server gives them: an update that does not name the current
 * resourceVersion is refused with 409, a watch goes on from a version or answers 410 when it is too
 * old, each request needs the token.
 *
 * <p>Source: "Kubernetes API Concepts" (resource versions, efficient detection of changes) and the
 * validation of coordination.k8s.io/v1.
 */
public final class FakeApiServer implements AutoCloseable {
  private static final String LEASES = "/apis/coordination.k8s.io/v1/namespaces/test/leases";
  private static final int ANNOTATIONS_LIMIT = 256 * 1024;

  private record Event(long version, String type, String object) {}

  private final HttpServer server;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final Map<String, Map<String, Object>> leases = new LinkedHashMap<>();
  private final List<Event> events = new ArrayList<>();
  private final Deque<Integer> failures = new ArrayDeque<>();
  private long version = 100;
  private long forgotten;
  private String token = "";
  private Loss loss = Loss.NOTHING;
  private final List<Write> late = new ArrayList<>();
  private boolean closed;
  private int watches;

  FakeApiServer(int port) throws IOException {
    this(HttpServer.create(address(port), 0));
  }

  /** With HTTPS, on a port of its own. */
  public FakeApiServer(SSLContext tls) throws IOException {
    this(https(tls, 0));
  }

  /** Another one with HTTPS on the same port, with what this one had, after {@link #close}. */
  public FakeApiServer startAgain(SSLContext tls) throws IOException {
    FakeApiServer next = new FakeApiServer(https(tls, port()));
    next.takeOver(this);
    next.requireToken(token);
    return next;
  }

  private FakeApiServer(HttpServer server) {
    this.server = server;
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
  }

  private static HttpServer https(SSLContext tls, int port) throws IOException {
    HttpsServer https = HttpsServer.create(address(port), 0);
    https.setHttpsConfigurator(new HttpsConfigurator(tls));
    return https;
  }

  private static InetSocketAddress address(int port) {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  public int port() {
    return server.getAddress().getPort();
  }

  URI url() {
    String scheme = server instanceof HttpsServer ? "https" : "http";
    return URI.create(scheme + "://127.0.0.1:" + port());
  }

  public synchronized void requireToken(String required) {
    token = required;
  }

  synchronized void lose(Loss next) {
    loss = next;
  }

  /** The next request gets this status, whatever it asks. */
  synchronized void failNext(int status) {
    failures.add(status);
  }

  synchronized void deleteLease(String name) {
    Map<String, Object> gone = leases.remove(name);
    if (gone != null) {
      record("DELETED", gone);
    }
  }

  /** As kubectl would, with the current version. */
  synchronized void changeSpec(String name, String field, Object value) {
    Map<String, Object> lease = leases.get(name);
    if (lease != null) {
      Json.objectToChange(lease, "spec").put(field, value);
      record("MODIFIED", lease);
    }
  }

  synchronized void annotate(String name, String key, String value) {
    Map<String, Object> lease = leases.get(name);
    Json.objectToChange(Json.objectToChange(lease, "metadata"), "annotations").put(key, value);
    record("MODIFIED", lease);
  }

  synchronized String shown(String name) {
    return Json.write(leases.get(name));
  }

  /** Watches cannot go on from any version so far, and those that run are ended. */
  synchronized void forgetHistory() {
    forgotten = version;
    events.clear();
    watches++;
    notifyAll();
  }

  /** Copies what is stored into a server that was just started, as a restart would. */
  synchronized void takeOver(FakeApiServer before) {
    leases.putAll(before.leases);
    version = before.version;
    forgotten = version;
  }

  private void record(String type, Map<String, Object> lease) {
    version++;
    Json.objectToChange(lease, "metadata").put("resourceVersion", Long.toString(version));
    events.add(new Event(version, type, Json.write(lease)));
    notifyAll();
  }

  private record Reply(int status, String body) {}

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
      String query = Optional.ofNullable(exchange.getRequestURI().getQuery()).orElse("");
      Optional<Reply> refusal = refusal(exchange);
      if (refusal.isEmpty() && query.contains("watch=true")) {
        watch(exchange, query);
        return;
      }
      Reply reply = refusal.isPresent() ? refusal.get() : answer(exchange, body);
      if (reply == null) {
        return; // The connection is cut.
      }
      byte[] bytes = reply.body.getBytes(StandardCharsets.UTF_8);
      exchange.getResponseHeaders().set("Content-Type", "application/json");
      exchange.sendResponseHeaders(reply.status, bytes.length);
      exchange.getResponseBody().write(bytes);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized Optional<Reply> refusal(HttpExchange exchange) {
    if (!failures.isEmpty()) {
      return Optional.of(status(failures.remove(), "as the test wants"));
    }
    String given = exchange.getRequestHeaders().getFirst("Authorization");
    return token.isEmpty() || ("Bearer " + token).equals(given)
        ? Optional.empty()
        : Optional.of(status(401, "Unauthorized"));
  }

  private static Reply status(int code, String message) {
    Map<String, Object> status = new LinkedHashMap<>();
    status.put("kind", "Status");
    status.put("code", code);
    status.put("message", message);
    return new Reply(code, Json.write(status));
  }

  private synchronized Reply answer(HttpExchange exchange, String body) throws IOException {
    String path = exchange.getRequestURI().getPath();
    String method = exchange.getRequestMethod();
    if (!path.startsWith(LEASES)) {
      return status(404, "the server could not find the requested resource");
    }
    if (method.equals("GET")) {
      return get(path.substring(LEASES.length() + 1));
    }
    Write write = new Write(method.equals("POST"), path.substring(LEASES.length()), body);
    if (loss == Loss.LATE) {
      late.add(write);
    }
    if (loss == Loss.LATE || loss == Loss.REQUEST) {
      return null;
    }
    Reply reply = carryOut(write);
    return loss == Loss.ANSWER ? null : reply;
  }

  private record Write(boolean create, String path, String body) {}

  private Reply carryOut(Write write) throws IOException {
    Map<String, Object> given = Json.parseObject(write.body);
    return write.create ? create(given) : update(write.path.substring(1), given);
  }

  synchronized void deliverLate() throws IOException {
    for (Write write : late) {
      carryOut(write);
    }
    late.clear();
  }

  private Reply get(String name) {
    return leases.containsKey(name)
        ? new Reply(200, Json.write(leases.get(name)))
        : status(404, "leases.coordination.k8s.io \"" + name + "\" not found");
  }

  private Reply create(Map<String, Object> given) {
    Map<String, Object> metadata = Json.objectToChange(given, "metadata");
    String name = Json.text(metadata, "name");
    if (leases.containsKey(name)) {
      return status(409, "leases.coordination.k8s.io \"" + name + "\" already exists");
    }
    if (metadata.containsKey("resourceVersion")) {
      return status(400, "resourceVersion should not be set on objects to be created");
    }
    Optional<String> invalid = invalid(given);
    if (invalid.isPresent()) {
      return status(422, invalid.get());
    }
    metadata.put("uid", UUID.randomUUID().toString());
    leases.put(name, given);
    record("ADDED", given);
    return new Reply(201, Json.write(given));
  }

  private Reply update(String name, Map<String, Object> given) {
    Map<String, Object> current = leases.get(name);
    if (current == null) {
      return status(404, "leases.coordination.k8s.io \"" + name + "\" not found");
    }
    Map<String, Object> metadata = Json.objectToChange(given, "metadata");
    String named = Json.text(metadata, "resourceVersion");
    if (named.isEmpty()) {
      return status(422, "metadata.resourceVersion: must be specified for an update");
    }
    Map<String, Object> currentMetadata = Json.object(current, "metadata");
    if (!named.equals(Json.text(currentMetadata, "resourceVersion"))
        || !Json.text(metadata, "uid").equals(Json.text(currentMetadata, "uid"))) {
      return status(409, "the object has been modified; please apply your changes to the latest");
    }
    Optional<String> invalid = invalid(given);
    if (invalid.isPresent()) {
      return status(422, invalid.get());
    }
    leases.put(name, given);
    record("MODIFIED", given);
    return new Reply(200, Json.write(given));
  }

  private static Optional<String> invalid(Map<String, Object> given) {
    int annotations = 0;
    Map<String, Object> metadata = Json.object(given, "metadata");
    for (Map.Entry<String, Object> entry : Json.object(metadata, "annotations").entrySet()) {
      annotations += entry.getKey().length();
      annotations += ((String) entry.getValue()).getBytes(StandardCharsets.UTF_8).length;
    }
    if (annotations > ANNOTATIONS_LIMIT) {
      return Optional.of("metadata.annotations: Too long: may not be more than 262144 bytes");
    }
    Map<String, Object> spec = Json.object(given, "spec");
    if (spec.containsKey("leaseDurationSeconds")
        && Json.number(spec, "leaseDurationSeconds") <= 0) {
      return Optional.of("spec.leaseDurationSeconds: must be greater than 0");
    }
    for (String time : List.of("renewTime", "acquireTime")) {
      try {
        if (spec.containsKey(time)) {
          DateTimeFormatter.ISO_OFFSET_DATE_TIME.parse(Json.text(spec, time));
        }
      } catch (DateTimeParseException e) {
        return Optional.of("spec." + time + ": " + e.getMessage());
      }
    }
    return Optional.empty();
  }

  // Watches

  private void watch(HttpExchange exchange, String query) throws IOException, InterruptedException {
    long from = parameter(query, "resourceVersion");
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(parameter(query, "timeoutSeconds"));
    exchange.sendResponseHeaders(200, 0);
    OutputStream out = exchange.getResponseBody();
    List<String> lines = new ArrayList<>();
    long at = begin(from, lines);
    int generation = generation();
    while (true) {
      for (String line : lines) {
        out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
      }
      out.flush();
      if (at < 0 || System.nanoTime() - end >= 0) {
        return;
      }
      lines.clear();
      at = await(at, generation, lines);
    }
  }

  private synchronized int generation() {
    return watches;
  }

  private static long parameter(String query, String name) {
    for (String pair : query.split("&")) {
      if (pair.startsWith(name + "=")) {
        return Long.parseLong(pair.substring(name.length() + 1));
      }
    }
    return 0;
  }

  /** The version to go on from, or -1 to end. */
  private synchronized long begin(long from, List<String> lines) {
    if (from == 0) {
      leases.values().forEach(lease -> lines.add(event("ADDED", Json.write(lease))));
      return version;
    }
    if (from < forgotten) {
      lines.add(event("ERROR", status(410, "too old resource version").body()));
      return -1;
    }
    return from;
  }

  private static String event(String type, String object) {
    return "{\"type\":\"" + type + "\",\"object\":" + object + "}";
  }

  private synchronized long await(long after, int generation, List<String> lines)
      throws InterruptedException {
    if (version <= after) {
      wait(200);
    }
    if (closed || watches != generation) {
      return -1;
    }
    long at = after;
    for (Event event : events) {
      if (event.version > after) {
        lines.add(event(event.type, event.object));
        at = event.version;
      }
    }
    return at;
  }

  @Override
  public void close() {
    synchronized (this) {
      closed = true;
      notifyAll();
    }
    server.stop(0);
    threads.shutdownNow();
  }
}
