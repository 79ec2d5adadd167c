package io.tidemark.lease.etcd;

import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.LeaseStoreException.Kind;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;

/** What an error of gRPC means for a lease. */
final class EtcdErrors {
  private EtcdErrors() {}

  /** Whether etcd says that a lease has ended. */
  static boolean isLeaseGone(Throwable error) {
    String description = Status.fromThrowable(error).getDescription();
    return contains(description, "requested lease not found")
        || contains(error.getMessage(), "requested lease not found");
  }

  private static boolean contains(String text, String part) {
    return text != null && text.contains(part);
  }

  /** Unknown unless the server, or this client before it sent anything, has clearly refused. */
  static LeaseStoreException translate(String store, Throwable error) {
    for (Throwable at = error; at != null; at = at.getCause()) {
      if (at instanceof SSLException) {
        return new LeaseStoreException(
                Kind.TLS,
                store + ": TLS failed: " + at.getMessage(),
                "check lease.etcd.tls, the host name in the server's certificate, and the time",
                error)
            .asUnknown();
      }
    }
    if (error instanceof TimeoutException) {
      return unreachable(store, "no answer in time", error).asUnknown();
    }
    Status status = innermost(error);
    String said = description(error, status);
    if (isRefusal(status, said)) {
      return new LeaseStoreException(
          Kind.REFUSED,
          store + " refused: " + said,
          "check lease.etcd.user and password, and that the user may read and write the prefix",
          error);
    }
    return switch (status.getCode()) {
      case INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION, OUT_OF_RANGE, UNIMPLEMENTED ->
          new LeaseStoreException(
              Kind.UNEXPECTED,
              store + " gave an unexpected answer: " + said,
              "check that the endpoints are etcd 3.4 or later",
              error);
      case RESOURCE_EXHAUSTED ->
          new LeaseStoreException(
              Kind.UNREACHABLE,
              store + " takes no more: " + said,
              "check its space (etcdctl alarm list)",
              error);
      default -> unreachable(store, said, error).asUnknown();
    };
  }

  /** The library reports a failed log-in as a refusal even if only the server was away. */
  private static Status innermost(Throwable error) {
    Status status = Status.fromThrowable(error);
    for (Throwable at = error; at != null; at = at.getCause()) {
      if (at instanceof StatusRuntimeException || at instanceof StatusException) {
        status = Status.fromThrowable(at);
      }
    }
    return status;
  }

  private static boolean isRefusal(Status status, String said) {
    return switch (status.getCode()) {
      case UNAUTHENTICATED, PERMISSION_DENIED -> true;
      default ->
          said.contains("authentication failed")
              || said.contains("user name is empty")
              || said.contains("authentication is not enabled")
              || said.contains("permission denied");
    };
  }

  private static String description(Throwable error, Status status) {
    StringBuilder said = new StringBuilder();
    for (Throwable at = error; at != null; at = at.getCause()) {
      String message = at.getMessage();
      if (message != null && said.indexOf(message) < 0) {
        said.append(said.isEmpty() ? "" : ": ").append(message);
      }
    }
    return said.isEmpty() ? status.getCode().toString() : said.toString();
  }

  private static LeaseStoreException unreachable(String store, String said, Throwable error) {
    return new LeaseStoreException(
        Kind.UNREACHABLE,
        store + " cannot be reached: " + said,
        "check that it runs, has a leader, and that lease.etcd.endpoints name it",
        error);
  }
}
