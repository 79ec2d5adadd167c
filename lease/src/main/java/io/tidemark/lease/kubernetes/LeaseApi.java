package io.tidemark.lease.kubernetes;

import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.LeaseStoreException.Kind;
import io.tidemark.lease.support.HttpAnswer;
import io.tidemark.lease.support.HttpCaller;
import io.tidemark.lease.support.LineStream;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/** The requests of the API server that a lease needs. */
final class LeaseApi {
  private final HttpCaller http;
  private final String store;
  private final String collection;
  private final String name;
  private final Duration timeout;

  LeaseApi(KubernetesOptions options) {
    store =
        String.format(
            "Kubernetes at %s, lease %s/%s", options.url(), options.namespace(), options.name());
    collection = "/apis/coordination.k8s.io/v1/namespaces/" + options.namespace() + "/leases";
    name = options.name();
    timeout = options.timeout();
    http =
        new HttpCaller(
            store,
            options.url(),
            options.caFile(),
            () -> headers(options.tokenFile()),
            "the address of the API server");
  }

  private Map<String, String> headers(Optional<Path> tokenFile) throws LeaseStoreException {
    if (tokenFile.isEmpty()) {
      return Map.of("Content-Type", "application/json");
    }
    try {
      String token = Files.readString(tokenFile.get()).strip();
      return Map.of("Content-Type", "application/json", "Authorization", "Bearer " + token);
    } catch (IOException e) {
      throw new LeaseStoreException(
          Kind.REFUSED,
          store + ": cannot read the token of the service account: " + e,
          "give the pod a service account",
          e);
    }
  }

  String describe() {
    return store;
  }

  Duration timeout() {
    return timeout;
  }

  /** The object as the cluster has it now: a GET without a version is linearizable. */
  Optional<LeaseObject> get(Duration limit) throws LeaseStoreException {
    try {
      HttpAnswer answer = http.send("GET", collection + "/" + name, "", limit);
      if (answer.status() == 404) {
        return Optional.empty();
      }
      requireSuccess(answer);
      return Optional.of(parse(answer));
    } catch (LeaseStoreException e) {
      throw e.asHarmless();
    }
  }

  /** Empty, and nothing was done, if one exists. */
  Optional<LeaseObject> create(LeaseObject object) throws LeaseStoreException {
    return write("POST", collection, object, timeout);
  }

  /** Empty, and nothing was done, if the object is not at the version of the given one any more. */
  Optional<LeaseObject> update(LeaseObject object, Duration limit) throws LeaseStoreException {
    return write("PUT", collection + "/" + name, object, limit);
  }

  private Optional<LeaseObject> write(
      String method, String path, LeaseObject object, Duration limit) throws LeaseStoreException {
    HttpAnswer answer = http.send(method, path, object.write(), limit);
    // 404: deleted meanwhile, or the namespace is; who asked reads again and sees.
    if (answer.status() == 409 || (answer.status() == 404 && method.equals("PUT"))) {
      return Optional.empty();
    }
    requireSuccess(answer);
    return Optional.of(parse(answer));
  }

  /**
   * Begins to watch the object.
   *
   * @param version to go on from, or empty to begin with the present state
   */
  HttpResponse<LineStream> watch(String version, Duration forHowLong) throws LeaseStoreException {
    String path =
        collection
            + "?watch=true&fieldSelector=metadata.name%3D"
            + name
            + "&timeoutSeconds="
            + forHowLong.toSeconds();
    return http.lines(version.isEmpty() ? path : path + "&resourceVersion=" + version, timeout);
  }

  private LeaseObject parse(HttpAnswer answer) throws LeaseStoreException {
    try {
      return LeaseObject.parse(answer.body());
    } catch (IOException e) {
      throw unexpected(e.getMessage()).asUnknown();
    }
  }

  /** A status below 500 was decided before anything was done; of others nobody knows. */
  void requireSuccess(HttpAnswer answer) throws LeaseStoreException {
    if (answer.isSuccess()) {
      return;
    }
    String said = "HTTP " + answer.status() + " " + answer.excerpt();
    switch (answer.status()) {
      case 401, 403 ->
          throw new LeaseStoreException(
              Kind.REFUSED,
              store + " refused: " + said,
              "allow the service account to get, create, update and watch leases in this namespace",
              null);
      case 429 -> throw away(said);
      default -> throw answer.status() >= 500 ? away(said).asUnknown() : unexpected(said);
    }
  }

  private LeaseStoreException away(String said) {
    return new LeaseStoreException(
        Kind.UNREACHABLE, store + ": " + said, "look at the state of the API server", null);
  }

  private LeaseStoreException unexpected(String said) {
    return new LeaseStoreException(
        Kind.UNEXPECTED,
        store + " gave an unexpected answer: " + said,
        "check the namespace, and that the server knows coordination.k8s.io/v1",
        null);
  }
}
