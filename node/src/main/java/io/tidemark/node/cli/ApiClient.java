package io.tidemark.node.cli;

import io.netty.handler.ssl.JdkSslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.tidemark.node.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;

/** Talks with a node's API and turns its errors into messages for the user. */
final class ApiClient {
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);
  private static final Duration POST_TIMEOUT = Duration.ofSeconds(30);

  private final URI base;
  private final String token;
  private final HttpClient http;

  ApiClient(URI base, String token, SSLContext tls) {
    this.base = base;
    this.token = token;
    HttpClient.Builder builder =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(CONNECT_TIMEOUT);
    this.http = tls == null ? builder.build() : builder.sslContext(tls).build();
  }

  /** The TLS settings, or null when no file is given. */
  static SSLContext tls(Path ca, Path cert, Path key) throws Failure {
    if (ca == null && cert == null && key == null) {
      return null;
    }
    if ((cert == null) != (key == null)) {
      throw new Failure(Failure.USAGE, "--cert and --key belong together.", null);
    }
    try {
      SslContextBuilder builder = SslContextBuilder.forClient().sslProvider(SslProvider.JDK);
      if (ca != null) {
        builder.trustManager(ca.toFile());
      }
      if (cert != null) {
        builder.keyManager(cert.toFile(), key.toFile());
      }
      return ((JdkSslContext) builder.build()).context();
    } catch (IllegalArgumentException | IOException e) {
      throw new Failure(
          Failure.USAGE, "Cannot use --ca, --cert or --key: " + e.getMessage() + ".", e);
    }
  }

  /** A path of the API with a database name. */
  static String withName(String path, String name) {
    return path + "?name=" + URLEncoder.encode(name, StandardCharsets.UTF_8);
  }

  HttpRequest.Builder request(String path) {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(base + path));
    if (token != null) {
      request.header("Authorization", "Bearer " + token);
    }
    return request;
  }

  /** The JSON object that a GET of the path answers. */
  Map<String, Object> getJson(String path) throws Failure {
    return json(
        send(request(path).timeout(Duration.ofSeconds(30)).build(), BodyHandlers.ofString()));
  }

  /** The JSON object that a POST without a body answers. */
  Map<String, Object> post(String path) throws Failure {
    return json(
        send(
            request(path).timeout(POST_TIMEOUT).POST(BodyPublishers.noBody()).build(),
            BodyHandlers.ofString()));
  }

  /** The JSON object of a good answer. */
  @SuppressWarnings("unchecked")
  Map<String, Object> json(HttpResponse<String> response) throws Failure {
    if (response.statusCode() != 200) {
      throw failure(response.statusCode(), response.body());
    }
    try {
      if (Json.parse(response.body()) instanceof Map<?, ?> object) {
        return (Map<String, Object>) object;
      }
    } catch (IllegalArgumentException e) {
      // Falls through: something answered, but it was not a node.
    }
    throw notTidemark(200);
  }

  /** The bytes that a GET of the path answers. */
  HttpResponse<InputStream> getStream(String path) throws Failure {
    HttpResponse<InputStream> response = send(request(path).build(), BodyHandlers.ofInputStream());
    if (response.statusCode() == 200) {
      return response;
    }
    try (InputStream body = response.body()) {
      throw failure(
          response.statusCode(), new String(body.readNBytes(64 << 10), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw failure(response.statusCode(), "");
    }
  }

  <T> HttpResponse<T> send(HttpRequest request, BodyHandler<T> handler) throws Failure {
    try {
      return http.send(request, handler);
    } catch (ConnectException e) {
      throw new Failure(
          "No node answers at " + base + ". Is 'tidemark mount' running there? See --url.", e);
    } catch (HttpTimeoutException e) {
      throw new Failure("The node at " + base + " did not answer in time. See its log.", e);
    } catch (SSLException e) {
      throw tlsFailure(e);
    } catch (IOException e) {
      throw new Failure("The connection to " + base + " failed: " + e.getMessage() + ".", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure("Interrupted.", e);
    }
  }

  private Failure tlsFailure(SSLException e) {
    String why = String.valueOf(e.getMessage());
    String hint;
    if (why.contains("PKIX")) {
      why = "the node's certificate is not signed by a known authority";
      hint = "Name its authority with --ca FILE.";
    } else if (why.contains("alert") && why.contains("certificate")) {
      why = "the node did not accept this client's certificate, or wants one";
      hint = "Give one that http.tls.ca of the node has signed: --cert FILE --key FILE.";
    } else if (why.contains("subject alternative") || why.contains("No name matching")) {
      hint = "Use a name in --url that the node's certificate is for.";
    } else {
      hint = "Check http:// or https:// in --url, and the certificates.";
    }
    return new Failure("No secure connection to " + base + ": " + why + ".\n" + hint, e);
  }

  private Failure failure(int status, String body) {
    try {
      if (Json.parse(body) instanceof Map<?, ?> map && map.get("error") instanceof String error) {
        String hint = map.get("hint") instanceof String text ? "\n" + text : "";
        return new Failure("The node refused: " + error + "." + hint);
      }
    } catch (IllegalArgumentException e) {
      // Falls through: something answered, but it was not a node.
    }
    return notTidemark(status);
  }

  private Failure notTidemark(int status) {
    return new Failure(
        "What answers at " + base + " (status " + status + ") is not Tidemark. Check --url.");
  }
}
