package io.tidemark.lease.consul;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.tidemark.lease.LeaserTestBed.Loss;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Stands before a real agent and loses what the test wants. */
final class AgentProxy implements AutoCloseable {
  private final URI agent;
  private final HttpServer server;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final HttpClient client = HttpClient.newHttpClient();
  private final Queue<HttpRequest> late = new ConcurrentLinkedQueue<>();
  private volatile Loss loss = Loss.NOTHING;

  AgentProxy(URI agent, int port) throws IOException {
    this.agent = agent;
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
  }

  int port() {
    return server.getAddress().getPort();
  }

  URI url() {
    return URI.create("http://127.0.0.1:" + port());
  }

  void lose(Loss next) {
    loss = next;
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      Loss now = exchange.getRequestURI().getPath().equals("/v1/txn") ? loss : Loss.NOTHING;
      HttpRequest request = request(exchange);
      if (now == Loss.LATE) {
        late.add(request);
      }
      if (now == Loss.LATE || now == Loss.REQUEST) {
        return;
      }
      HttpResponse<byte[]> response = send(request);
      if (now == Loss.ANSWER) {
        return;
      }
      response
          .headers()
          .firstValue("X-Consul-Index")
          .ifPresent(index -> exchange.getResponseHeaders().set("X-Consul-Index", index));
      byte[] body = response.body();
      exchange.sendResponseHeaders(response.statusCode(), body.length == 0 ? -1 : body.length);
      exchange.getResponseBody().write(body);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  void deliverLate() throws IOException, InterruptedException {
    while (!late.isEmpty()) {
      send(late.remove());
    }
  }

  private HttpResponse<byte[]> send(HttpRequest request) throws IOException, InterruptedException {
    return client.send(request, HttpResponse.BodyHandlers.ofByteArray());
  }

  private HttpRequest request(HttpExchange exchange) throws IOException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(agent + exchange.getRequestURI().toString()))
            .method(
                exchange.getRequestMethod(),
                HttpRequest.BodyPublishers.ofByteArray(exchange.getRequestBody().readAllBytes()));
    String token = exchange.getRequestHeaders().getFirst("X-Consul-Token");
    if (token != null) {
      request.header("X-Consul-Token", token);
    }
    return request.build();
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
