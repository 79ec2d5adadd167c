package io.tidemark.node.halt;

import io.tidemark.database.LogPosition;
import io.tidemark.node.halt.HaltRefusedException.Reason;
import io.tidemark.node.json.Json;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import javax.net.ssl.SSLContext;

/** The primary's API as a replica uses it that wants a halt lock, or to be primary. */
public final class PrimaryApi {
  /** Longer than the primary lets its own writers and readers be in the way. */
  private static final Duration TAKE_TIMEOUT = Duration.ofSeconds(12);

  private static final Duration TIMEOUT = Duration.ofSeconds(5);
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(3);

  /** Bytes a second that a connection is expected to take at least. */
  private static final long SLOWEST = 1 << 20;

  private final URI base;
  private final String token;
  private final HttpClient http;

  /**
   * @param token of the primary's port, or null
   * @param tls null for http
   */
  public PrimaryApi(URI base, String token, SSLContext tls) {
    this.base = base;
    this.token = token;
    HttpClient.Builder builder =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(CONNECT_TIMEOUT);
    this.http = tls == null ? builder.build() : builder.sslContext(tls).build();
  }

  HaltGrant take(String name, String id) throws HaltRefusedException, IOException {
    HttpRequest request =
        request("/halt?name=" + encoded(name) + "&id=" + id)
            .timeout(TAKE_TIMEOUT)
            .POST(BodyPublishers.noBody())
            .build();
    return HaltJson.grant(name, id, answer(request));
  }

  void release(String name, String id) throws HaltRefusedException, IOException {
    answer(request("/halt?name=" + encoded(name) + "&id=" + id).timeout(TIMEOUT).DELETE().build());
  }

  LogPosition commit(Halts.Transaction transaction, Path ltx)
      throws HaltRefusedException, IOException {
    LogPosition base = transaction.base();
    String path =
        String.format(
            "/tx?name=%s&lockID=%s&epoch=%d&seq=%d&baseEpoch=%d&baseTxid=%s&baseChecksum=%s",
            encoded(transaction.name()),
            transaction.id(),
            transaction.epoch(),
            transaction.sequence(),
            base.epoch(),
            HaltJson.hex(base.txid()),
            HaltJson.hex(base.checksum()));
    HttpRequest request =
        request(path)
            .timeout(TIMEOUT.plusSeconds(Files.size(ltx) / SLOWEST))
            .POST(BodyPublishers.ofFile(ltx))
            .build();
    return HaltJson.position(answer(request));
  }

  /**
   * Asks the primary to hand over.
   *
   * @return where the new primary is reached
   */
  public String handOff(String nodeId) throws HaltRefusedException, IOException {
    HttpRequest request =
        request("/handoff?nodeID=" + encoded(nodeId))
            .timeout(TAKE_TIMEOUT)
            .POST(BodyPublishers.noBody())
            .build();
    return String.valueOf(answer(request).get("primary"));
  }

  private static String encoded(String name) {
    return URLEncoder.encode(name, StandardCharsets.UTF_8);
  }

  private HttpRequest.Builder request(String path) {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(base + path));
    if (token != null) {
      request.header("Authorization", "Bearer " + token);
    }
    return request;
  }

  /**
   * @throws HaltRefusedException when the primary says no: it has done nothing
   * @throws IOException when it is unknown what the primary has done
   */
  private Map<?, ?> answer(HttpRequest request) throws HaltRefusedException, IOException {
    HttpResponse<String> response;
    try {
      response = http.send(request, BodyHandlers.ofString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } catch (IOException e) {
      throw new IOException("the primary at " + base + " does not answer: " + e, e);
    }
    try {
      Map<?, ?> json = HaltJson.object(Json.parse(response.body()));
      if (response.statusCode() == 200) {
        return json;
      }
      if (response.statusCode() < 500 || json.get("reason") != null) {
        throw new HaltRefusedException(
            reason(json.get("reason")), "the primary refused: " + json.get("error"));
      }
      throw new IOException("the primary failed: " + json.get("error"));
    } catch (IllegalArgumentException e) {
      throw new IOException(
          "what answers at " + base + " with status " + response.statusCode() + " is no Tidemark",
          e);
    }
  }

  private static Reason reason(Object name) {
    for (Reason reason : Reason.values()) {
      if (reason.name().equals(name)) {
        return reason;
      }
    }
    return Reason.NO_PRIMARY;
  }
}
