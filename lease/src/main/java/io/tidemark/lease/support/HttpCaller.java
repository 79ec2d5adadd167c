package io.tidemark.lease.support;

import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.LeaseStoreException.Kind;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.channels.UnresolvedAddressException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;

/**
 * HTTP requests to one store. The time limit is for all of a request, the body of its answer
 * included. An exception says whether the request may have reached the store ({@link
 * LeaseStoreException#isUnknown}): only of a connection that never came about it is certain that it
 * has not.
 */
public final class HttpCaller {
  /** Headers of a request, made anew for each: a token may have been replaced. */
  @FunctionalInterface
  public interface Headers {
    /**
     * @throws LeaseStoreException when the credentials cannot be read
     */
    Map<String, String> get() throws LeaseStoreException;
  }

  private final String store;
  private final String base;
  private final Optional<Path> caFile;
  private final Headers headers;
  private final String setting;
  private volatile HttpClient client; // null: made by the next request

  /**
   * @param store for messages, such as "Consul at http://127.0.0.1:8500"
   * @param base what paths are appended to
   * @param caFile the authorities to trust instead of the system's; read again after trouble
   * @param setting what the configuration calls the place, for hints
   */
  public HttpCaller(
      String store, URI base, Optional<Path> caFile, Headers headers, String setting) {
    this.store = store;
    this.base = base.toString().replaceAll("/+$", "");
    this.caFile = caFile;
    this.headers = headers;
    this.setting = setting;
  }

  /**
   * Sends a request and waits for its complete answer.
   *
   * @param body empty for none
   * @throws LeaseStoreException without a complete answer in time
   */
  public HttpAnswer send(String method, String path, String body, Duration timeout)
      throws LeaseStoreException {
    HttpRequest request = request(method, path, body);
    try {
      return answer(exchange(request, BodyHandlers.ofString(), timeout));
    } catch (TimeoutException e) {
      throw unreachable("gave no answer in " + timeout.toMillis() + " ms", e).asUnknown();
    }
  }

  /**
   * Sends a GET whose answer comes in lines, perhaps for ever, and waits for the answer to begin.
   *
   * @throws LeaseStoreException when it has not begun in time
   */
  public HttpResponse<LineStream> lines(String path, Duration timeout) throws LeaseStoreException {
    HttpRequest request = request("GET", path, "");
    try {
      return exchange(request, info -> new LineStream(), timeout);
    } catch (TimeoutException e) {
      throw unreachable("gave no answer in " + timeout.toMillis() + " ms", e);
    }
  }

  private static HttpAnswer answer(HttpResponse<String> response) {
    return new HttpAnswer(response.statusCode(), response.headers(), response.body());
  }

  private HttpRequest request(String method, String path, String body) throws LeaseStoreException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(base + path))
            .method(
                method, body.isEmpty() ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
    headers.get().forEach(request::setHeader);
    return request.build();
  }

  private <T> HttpResponse<T> exchange(
      HttpRequest request, BodyHandler<T> handler, Duration timeout)
      throws LeaseStoreException, TimeoutException {
    CompletableFuture<HttpResponse<T>> response = client(timeout).sendAsync(request, handler);
    try {
      return response.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
    } catch (ExecutionException e) {
      throw failure(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LeaseStoreException(
              Kind.STOPPED, store + ": interrupted while waiting", "ask again if still needed", e)
          .asUnknown();
    } finally {
      response.cancel(true); // of no effect when it is complete
    }
  }

  private HttpClient client(Duration timeout) throws LeaseStoreException {
    HttpClient current = client;
    if (current == null) {
      HttpClient.Builder builder =
          HttpClient.newBuilder()
              .version(HttpClient.Version.HTTP_1_1)
              .followRedirects(HttpClient.Redirect.NEVER)
              .connectTimeout(timeout);
      if (caFile.isPresent()) {
        try {
          builder.sslContext(PemTrust.context(caFile.get()));
        } catch (IOException e) {
          throw new LeaseStoreException(
              Kind.TLS,
              store + ": cannot read the certificates of its authority: " + e,
              "check that file",
              e);
        }
      }
      current = builder.build();
      client = current;
    }
    return current;
  }

  private LeaseStoreException failure(Throwable cause) {
    for (Throwable at = cause; at != null; at = at.getCause()) {
      if (at instanceof SSLException) {
        client = null; // The file with the authority may have been replaced.
        LeaseStoreException problem =
            new LeaseStoreException(
                Kind.TLS,
                store + ": TLS failed: " + at.getMessage(),
                "check the certificate authority, the host name in the certificate, and the time",
                cause);
        // During the handshake nothing was sent; later nobody knows.
        return at instanceof SSLHandshakeException ? problem : problem.asUnknown();
      }
      if (at instanceof ConnectException
          || at instanceof HttpConnectTimeoutException
          || at instanceof UnresolvedAddressException) {
        return unreachable("no connection (" + at + ")", cause);
      }
    }
    return unreachable("the connection was cut (" + cause + ")", cause).asUnknown();
  }

  private LeaseStoreException unreachable(String problem, Throwable cause) {
    return new LeaseStoreException(
        Kind.UNREACHABLE,
        store + ": " + problem,
        "check that it runs and that " + setting + " names it",
        cause);
  }
}
