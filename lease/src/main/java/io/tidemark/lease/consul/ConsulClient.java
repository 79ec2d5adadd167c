package io.tidemark.lease.consul;

import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.LeaseStoreException.Kind;
import io.tidemark.lease.support.HttpAnswer;
import io.tidemark.lease.support.HttpCaller;
import io.tidemark.lease.support.Json;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The requests of Consul's HTTP API that a lease needs. */
final class ConsulClient {
  /** A key as a read returns it. {@code session} is empty when nobody holds its lock. */
  record Entry(String key, String value, String session, long createIndex, long modifyIndex) {}

  /** What a transaction has done: the keys it wrote, or why it did nothing. */
  record Result(boolean committed, List<Entry> written, String refusal) {}

  /** A read that waited for a change; an index that is not greater means "begin anew". */
  record Watched(long index) {}

  private final HttpCaller http;
  private final String store;
  private final Duration timeout;

  ConsulClient(ConsulOptions options) {
    store = "Consul at " + options.url();
    timeout = options.timeout();
    http =
        new HttpCaller(
            store,
            options.url(),
            options.caFile(),
            () -> options.token().map(token -> Map.of("X-Consul-Token", token)).orElse(Map.of()),
            "lease.consul.url");
  }

  /**
   * Makes a session that ends only by its TTL or by being destroyed: the health checks that Consul
   * ties sessions to by default could end it before its holder's deadline.
   */
  String createSession(String name, Duration ttl, Duration lockDelay) throws LeaseStoreException {
    Map<String, Object> session = new LinkedHashMap<>();
    session.put("Name", name);
    session.put("TTL", ttl.toMillis() + "ms");
    session.put("LockDelay", lockDelay.toMillis() + "ms");
    session.put("Behavior", "delete");
    session.put("Checks", List.of());
    session.put("NodeChecks", List.of());
    HttpAnswer answer = put("/v1/session/create", Json.write(session), timeout);
    return Json.text(object(answer), "ID");
  }

  /** False when there is no such session any more. */
  boolean renewSession(String id, Duration limit) throws LeaseStoreException {
    HttpAnswer answer = http.send("PUT", "/v1/session/renew/" + id, "", limit);
    if (answer.status() == 404) {
      return false;
    }
    requireSuccess(answer);
    return true;
  }

  void destroySession(String id) throws LeaseStoreException {
    put("/v1/session/destroy/" + id, "", timeout);
  }

  /** All keys that begin with the prefix, as of one moment, from the leader. */
  List<Entry> readConsistent(String prefix, Duration limit) throws LeaseStoreException {
    String path = "/v1/kv/" + encode(prefix) + "?recurse=true&consistent=true";
    try {
      HttpAnswer answer = http.send("GET", path, "", limit);
      if (answer.status() == 404) {
        return List.of();
      }
      requireSuccess(answer);
      return entries(parse(answer));
    } catch (LeaseStoreException e) {
      throw e.asHarmless();
    }
  }

  /** Waits until something below the prefix has changed since the index, or for half a minute. */
  Watched awaitChange(String prefix, long index) throws LeaseStoreException {
    String path = "/v1/kv/" + encode(prefix) + "?recurse=true&wait=30s&index=" + index;
    HttpAnswer answer = http.send("GET", path, "", Duration.ofSeconds(30 + 2).plus(timeout));
    if (answer.status() != 404) {
      requireSuccess(answer);
    }
    Optional<String> header = answer.headers().firstValue("X-Consul-Index");
    try {
      return new Watched(Long.parseLong(header.orElse("0")));
    } catch (NumberFormatException e) {
      throw unexpected("the index " + header.get(), e);
    }
  }

  /** Carries out all operations or none. A refusal is certain: nothing was done. */
  Result transaction(List<Map<String, Object>> operations) throws LeaseStoreException {
    List<Object> body = new ArrayList<>();
    operations.forEach(operation -> body.add(Map.of("KV", operation)));
    HttpAnswer answer = http.send("PUT", "/v1/txn", Json.write(body), timeout);
    if (answer.status() == 409) {
      String refusal = refusal(object(answer));
      if (refusal.contains("Permission denied") || refusal.contains("ACL not found")) {
        throw refused(refusal);
      }
      return new Result(false, List.of(), refusal);
    }
    requireSuccess(answer);
    List<Object> written = new ArrayList<>();
    if (object(answer).get("Results") instanceof List<?> results) {
      for (Object result : results) {
        written.add(Json.object(Json.asObject((Map<?, ?>) result), "KV"));
      }
    }
    return new Result(true, entries(written), "");
  }

  static Map<String, Object> operation(String verb, String key) {
    Map<String, Object> operation = new LinkedHashMap<>();
    operation.put("Verb", verb);
    operation.put("Key", key);
    return operation;
  }

  static String base64(String value) {
    return Base64.getEncoder().encodeToString(value.getBytes(StandardCharsets.UTF_8));
  }

  private static String refusal(Map<String, Object> answer) {
    List<String> reasons = new ArrayList<>();
    if (answer.get("Errors") instanceof List<?> errors) {
      for (Object error : errors) {
        reasons.add(Json.text(Json.asObject((Map<?, ?>) error), "What"));
      }
    }
    return String.join("; ", reasons);
  }

  private HttpAnswer put(String path, String body, Duration limit) throws LeaseStoreException {
    HttpAnswer answer = http.send("PUT", path, body, limit);
    requireSuccess(answer);
    return answer;
  }

  /** A status below 500 was decided before anything was done; of others nobody knows. */
  private void requireSuccess(HttpAnswer answer) throws LeaseStoreException {
    if (answer.isSuccess()) {
      return;
    }
    String said = "HTTP " + answer.status() + " " + answer.excerpt();
    if (answer.status() == 401 || answer.status() == 403) {
      throw refused(said);
    }
    if (answer.status() == 429 || answer.status() >= 500) {
      LeaseStoreException problem =
          new LeaseStoreException(
              Kind.UNREACHABLE,
              store + ": " + said,
              "check that its servers have a leader (consul operator raft list-peers)",
              null);
      throw answer.status() == 429 ? problem : problem.asUnknown();
    }
    throw unexpected(said, null);
  }

  private LeaseStoreException refused(String said) {
    return new LeaseStoreException(
        Kind.REFUSED,
        store + " refused: " + said,
        "give a token that may write the key and make sessions",
        null);
  }

  private LeaseStoreException unexpected(String said, Exception cause) {
    return new LeaseStoreException(
        Kind.UNEXPECTED,
        store + " gave an unexpected answer: " + said,
        "check that lease.consul.url is the HTTP API of a Consul agent",
        cause);
  }

  private Object parse(HttpAnswer answer) throws LeaseStoreException {
    try {
      return Json.parse(answer.body());
    } catch (IOException e) {
      throw unexpected(answer.excerpt(), e).asUnknown();
    }
  }

  private Map<String, Object> object(HttpAnswer answer) throws LeaseStoreException {
    if (parse(answer) instanceof Map<?, ?> map) {
      return Json.asObject(map);
    }
    throw unexpected(answer.excerpt(), null).asUnknown();
  }

  private List<Entry> entries(Object list) throws LeaseStoreException {
    List<Entry> entries = new ArrayList<>();
    if (list instanceof List<?> items) {
      for (Object item : items) {
        Map<String, Object> kv = Json.asObject((Map<?, ?>) item);
        entries.add(
            new Entry(
                Json.text(kv, "Key"),
                decode(Json.text(kv, "Value")),
                Json.text(kv, "Session"),
                Json.number(kv, "CreateIndex"),
                Json.number(kv, "ModifyIndex")));
      }
    }
    return entries;
  }

  private String decode(String base64) throws LeaseStoreException {
    try {
      return new String(Base64.getDecoder().decode(base64), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      throw unexpected("a value that is not base64", e).asUnknown();
    }
  }

  private static String encode(String key) {
    return URLEncoder.encode(key, StandardCharsets.UTF_8).replace("+", "%20").replace("%2F", "/");
  }

  String describe() {
    return store;
  }
}
