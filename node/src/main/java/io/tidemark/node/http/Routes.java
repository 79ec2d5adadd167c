package io.tidemark.node.http;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.tidemark.database.DatabaseNames;
import io.tidemark.database.DatabaseStatus;
import io.tidemark.node.NodeState;
import io.tidemark.node.StreamDoor;
import io.tidemark.node.json.Json;
import io.tidemark.proxy.PeerUpgrade;
import io.tidemark.stream.LagMeter;
import io.tidemark.stream.Protocol;
import io.tidemark.stream.receive.FollowStatus;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * The paths of the API and what each of them does. Decides from method, path and parameters; does
 * no I/O. The place to add a path.
 */
final class Routes {
  private static final String READ = "GET, HEAD";
  private static final String STREAM = "/stream";

  /** Chooses the action of one path from the request's parameters. */
  private interface Chooser {
    Action choose(Map<String, List<String>> parameters) throws ApiException;
  }

  private record Route(String allow, String about, Chooser chooser) {}

  private final NodeState node;
  private final Map<String, Route> routes = new LinkedHashMap<>();

  /** Paths of which DELETE is another action. */
  private final Map<String, Route> deletes = new HashMap<>();

  /** What the page at / loads; not listed. */
  private final Map<String, Route> pageFiles = new HashMap<>();

  private final Map<String, Reply> page = StatusPage.replies();

  Routes(NodeState node) {
    this.node = node;
    add("/", READ, "this list; for a browser a page that shows the node", p -> index());
    page.forEach(
        (path, reply) -> {
          if (!path.equals("/")) {
            pageFiles.put(path, new Route(READ, "", p -> new Action.Instant(reply)));
          }
        });
    add(
        "/info",
        READ,
        "who this node is, in LiteFS's fields",
        p -> json(() -> StatusJson.info(node)));
    add(
        "/status",
        READ,
        "role, epoch and every database",
        p -> json(() -> StatusJson.status(node)));
    add("/health", READ, "200 while the process lives", p -> new Action.Instant(healthy()));
    add(
        "/ready",
        READ,
        "200 while the mount is served and not too far behind the primary, else 503",
        p -> new Action.Instant(ready()));
    add("/metrics", READ, "Prometheus metrics", p -> metrics());
    add("/export", READ, "?name=DB  a consistent copy", p -> new Action.Export(existing(p)));
    add("/import", "POST", "?name=DB  replaces a database by the body", this::importAction);
    add("/drop", "POST, DELETE", "?name=DB  deletes a database", this::dropAction);
    HaltRoutes halt = new HaltRoutes(node);
    add("/halt", "POST, DELETE", "?name=DB&id=ID  writers of the primary wait", halt::take);
    deletes.put("/halt", new Route("POST, DELETE", "", halt::release));
    RoleRoutes role = new RoleRoutes(node);
    add("/handoff", "POST", "?nodeID=ID  another node becomes primary", role::handOff);
    add("/promote", "POST", "?force=true  this node becomes primary", role::promote);
    add("/tx", "POST", "?name=DB&lockID=ID...  a transaction of who has /halt", halt::commit);

    add("/events", "GET", "what happens, a line of JSON each", p -> new Action.Events());
    add(STREAM, "GET", "Upgrade: " + Protocol.NAME + "  for replicas", p -> stream(null));
    add(
        PeerUpgrade.PATH,
        "GET",
        "Upgrade: " + PeerUpgrade.PROTOCOL + "  for requests that other nodes forward",
        p -> proxy(null));
  }

  private void add(String path, String allow, String about, Chooser chooser) {
    routes.put(path, new Route(allow, about, chooser));
  }

  /**
   * The action for a request; errors of the request become exceptions or instant replies.
   *
   * @param headers of the request
   */
  Action choose(
      HttpMethod method, String path, Map<String, List<String>> parameters, HttpHeaders headers)
      throws ApiException {
    String upgrade = headers.get(HttpHeaderNames.UPGRADE);
    String accept = headers.get(HttpHeaderNames.ACCEPT);
    if (path.equals(STREAM) && method.equals(HttpMethod.GET)) {
      return stream(upgrade);
    }
    if (path.equals(PeerUpgrade.PATH) && method.equals(HttpMethod.GET)) {
      return proxy(upgrade);
    }
    Route route = routes.getOrDefault(path, pageFiles.get(path));
    if (deletes.containsKey(path) && !method.equals(HttpMethod.POST)) {
      route = deletes.get(path);
    }
    if (route == null) {
      throw new ApiException(
          HttpResponseStatus.NOT_FOUND, "there is no " + shown(path), "See GET / for the paths.");
    }
    if (!Arrays.asList(route.allow.split(", ")).contains(method.name())) {
      return new Action.Instant(Reply.notAllowed(route.allow));
    }
    if (path.equals("/") && accept != null && accept.contains("text/html")) {
      return new Action.Instant(page.get(path));
    }
    return route.chooser.choose(parameters);
  }

  private Action index() {
    return new Action.Instant(Reply.text("text/plain", list()));
  }

  private String list() {
    StringBuilder text = new StringBuilder("Tidemark\n\n");
    routes.forEach(
        (path, route) ->
            text.append(String.format("%-13s %-9s %s%n", route.allow, path, route.about)));
    return text.toString();
  }

  private Action stream(String upgrade) throws ApiException {
    requireUpgrade(STREAM + " is for replicas", Protocol.NAME, upgrade);
    StreamDoor door = node.streamDoor();
    if (door == null) {
      throw new ApiException(
          HttpResponseStatus.SERVICE_UNAVAILABLE,
          "this node is not the primary",
          "Follow the primary: lease.advertise-url of a replica is the primary's address.");
    }
    return new Action.Leave(door, Protocol.NAME);
  }

  private Action proxy(String upgrade) throws ApiException {
    requireUpgrade(PeerUpgrade.PATH + " is for other nodes", PeerUpgrade.PROTOCOL, upgrade);
    StreamDoor door = node.proxyDoor();
    if (door == null) {
      throw new ApiException(
          HttpResponseStatus.SERVICE_UNAVAILABLE,
          "this node has no proxy",
          "Set proxy.addr and proxy.target on every node that may be primary.");
    }
    return new Action.Leave(door, PeerUpgrade.PROTOCOL);
  }

  private static void requireUpgrade(String purpose, String protocol, String upgrade)
      throws ApiException {
    if (!protocol.equalsIgnoreCase(upgrade)) {
      throw new ApiException(
          HttpResponseStatus.UPGRADE_REQUIRED,
          purpose + (upgrade == null ? "" : ", not for " + shown(upgrade)),
          "Send 'Connection: Upgrade' and 'Upgrade: " + protocol + "'.");
    }
  }

  private static Action json(Supplier<Object> value) {
    return new Action.Answer(() -> Reply.ok(value.get()));
  }

  private Action metrics() {
    String type = "text/plain; version=0.0.4; charset=utf-8";
    return new Action.Answer(() -> Reply.text(type, Metrics.text(node)));
  }

  private static Reply healthy() {
    return Reply.ok(Json.object("status", "ok"));
  }

  private Reply ready() {
    if (!node.isMounted()) {
      return notReady("not mounted", "The node is starting or stopping; its log says why.");
    }
    if (node.isPrimary()) {
      return Reply.ok(Json.object("status", "ready"));
    }
    FollowStatus following = node.replication().following();
    if (following == null) {
      return notReady(
          "no primary is named, so this node follows nobody",
          "Set lease.advertise-url to the primary's address.");
    }
    long lag = following.lagNanos();
    if (lag == LagMeter.UNKNOWN) {
      return notReady(
          following.isConnected()
              ? "not up to date with the primary yet"
              : "not connected to the primary " + following.url() + " since the start",
          "tidemark status shows how far it is, and why.");
    }
    if (lag > node.maxLag().toNanos()) {
      return notReady(
          lag / 1_000_000 + " ms behind the primary, more than replication.max-lag",
          "tidemark status shows why; reads give what there was then.");
    }
    return Reply.ok(Json.object("status", "ready"));
  }

  private static Reply notReady(String error, String hint) {
    return Reply.json(
        HttpResponseStatus.SERVICE_UNAVAILABLE, Json.object("error", error, "hint", hint));
  }

  private Action importAction(Map<String, List<String>> parameters) throws ApiException {
    String name = name(parameters);
    requirePrimary();
    return new Action.Take(file -> imported(name, file));
  }

  private Reply imported(String name, Path file) throws IOException {
    DatabaseStatus status = node.importDatabase(name, file).status();
    return Reply.ok(
        Json.object(
            "name", name,
            "txid", String.format("%016x", status.txid()),
            "checksum", String.format("%016x", status.checksum()),
            "pageSize", status.pageSize(),
            "pageCount", status.pageCount()));
  }

  private Action dropAction(Map<String, List<String>> parameters) throws ApiException {
    String name = name(parameters);
    requirePrimary();
    return new Action.Answer(
        () -> {
          if (!node.drop(name)) {
            throw unknown(name);
          }
          return Reply.ok(Json.object("dropped", name));
        });
  }

  private void requirePrimary() throws ApiException {
    if (!node.isPrimary()) {
      String url = node.primaryUrl();
      throw new ApiException(
          HttpResponseStatus.SERVICE_UNAVAILABLE,
          "this node is not the primary and may not write",
          url == null
              ? "Ask the primary; this node does not know where it is (lease.advertise-url)."
              : "Ask the primary: --url " + url);
    }
  }

  private String existing(Map<String, List<String>> parameters) throws ApiException {
    String name = name(parameters);
    if (node.find(name) == null) {
      throw unknown(name);
    }
    return name;
  }

  static ApiException unknown(String name) {
    return new ApiException(
        HttpResponseStatus.NOT_FOUND,
        "there is no database " + shown(name),
        "GET /status lists the databases.");
  }

  static String name(Map<String, List<String>> parameters) throws ApiException {
    List<String> names = parameters.getOrDefault("name", List.of());
    if (names.size() != 1) {
      throw badRequest(
          names.isEmpty() ? "the parameter name is missing" : "the parameter name is given twice",
          "Add ?name=DATABASE.");
    }
    String given = names.get(0);
    // The decoder puts U+FFFD where the bytes were no UTF-8: such a name was never meant.
    String problem =
        given.indexOf('\ufffd') >= 0 ? "it is not valid UTF-8" : DatabaseNames.problem(given);
    if (problem != null) {
      throw badRequest(
          "no database can have that name: " + problem,
          "Names are file names below the mount, such as app.db.");
    }
    return given;
  }

  static ApiException tooManyListeners() {
    return new ApiException(
        HttpResponseStatus.SERVICE_UNAVAILABLE,
        "too many programs listen to events already",
        "Let one program listen for all of this host.");
  }

  static ApiException badRequest(String error, String hint) {
    return new ApiException(HttpResponseStatus.BAD_REQUEST, error, hint);
  }

  private static String shown(String text) {
    return text.length() > 200 ? text.substring(0, 200) + "..." : text;
  }
}
