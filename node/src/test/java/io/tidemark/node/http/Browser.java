package io.tidemark.node.http;

import io.tidemark.node.json.Json;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A headless Chromium, driven by its DevTools protocol
 * (https://chromedevtools.github.io/devtools-protocol/).
 */
final class Browser implements AutoCloseable {
  private static final Path PROGRAM = Path.of("/usr/bin/chromium");
  private static final String LISTENING = "DevTools listening on ";

  private final Process process;
  private final Map<Long, CompletableFuture<Map<?, ?>>> asked = new ConcurrentHashMap<>();
  private final List<String> complaints = new CopyOnWriteArrayList<>();
  private WebSocket socket;
  private String session;
  private long last;

  /**
   * @param profile an empty directory
   */
  Browser(Path profile) throws Exception {
    process =
        new ProcessBuilder(
                PROGRAM.toString(),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--remote-debugging-port=0",
                "--user-data-dir=" + profile,
                "--window-size=1280,1000",
                "about:blank")
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      connect(address());
    } catch (Exception e) {
      close();
      throw e;
    }
  }

  static boolean isInstalled() {
    return Files.isExecutable(PROGRAM);
  }

  private String address() throws IOException {
    BufferedReader said =
        new BufferedReader(new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8));
    List<String> before = new ArrayList<>();
    for (String line = said.readLine(); line != null; line = said.readLine()) {
      if (line.startsWith(LISTENING)) {
        Thread rest = new Thread(() -> said.lines().forEach(more -> {}));
        rest.setDaemon(true);
        rest.start();
        return line.substring(LISTENING.length());
      }
      before.add(line);
    }
    throw new IOException("Chromium did not start: " + before);
  }

  private void connect(String address) throws Exception {
    socket =
        HttpClient.newHttpClient()
            .newWebSocketBuilder()
            .buildAsync(URI.create(address), new Answers())
            .get(20, TimeUnit.SECONDS);
    String target =
        (String) ask("Target.createTarget", Json.object("url", "about:blank")).get("targetId");
    session =
        (String)
            ask("Target.attachToTarget", Json.object("targetId", target, "flatten", true))
                .get("sessionId");
    ask("Page.enable", Json.object());
    ask("Runtime.enable", Json.object());
    ask("Log.enable", Json.object());
  }

  private Map<?, ?> ask(String method, Map<String, Object> parameters) throws Exception {
    long id = ++last;
    CompletableFuture<Map<?, ?>> answer = new CompletableFuture<>();
    asked.put(id, answer);
    Map<String, Object> message =
        session == null
            ? Json.object("id", id, "method", method, "params", parameters)
            : Json.object("id", id, "method", method, "params", parameters, "sessionId", session);
    socket.sendText(Json.write(message), true).get(20, TimeUnit.SECONDS);
    Map<?, ?> whole = answer.get(20, TimeUnit.SECONDS);
    if (!(whole.get("result") instanceof Map<?, ?> result)) {
      throw new IOException(method + ": " + whole);
    }
    return result;
  }

  void open(String url) throws Exception {
    ask("Page.navigate", Json.object("url", url));
  }

  /** The value of an expression of JavaScript in the page. */
  Object value(String expression) throws Exception {
    Map<?, ?> answer =
        ask(
            "Runtime.evaluate",
            Json.object("expression", expression, "returnByValue", true, "awaitPromise", true));
    if (answer.get("exceptionDetails") != null) {
      throw new IOException(String.valueOf(answer.get("exceptionDetails")));
    }
    return ((Map<?, ?>) answer.get("result")).get("value");
  }

  /** Waits until an expression is true. */
  void await(String expression) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!Boolean.TRUE.equals(value(expression))) {
      if (System.nanoTime() - end > 0) {
        throw new TimeoutException(
            expression + "\n" + value("document.body.innerText") + "\n" + complaints);
      }
      Thread.sleep(50);
    }
  }

  void screenshot(Path file) throws Exception {
    Map<?, ?> answer =
        ask("Page.captureScreenshot", Json.object("format", "png", "captureBeyondViewport", true));
    Files.write(file, Base64.getDecoder().decode((String) answer.get("data")));
  }

  /** Errors of scripts, and what the policy of the page has stopped. */
  List<String> complaints() {
    return complaints;
  }

  /** Takes what the browser says. */
  private final class Answers implements WebSocket.Listener {
    private final StringBuilder text = new StringBuilder();

    @Override
    public CompletionStage<?> onText(WebSocket from, CharSequence data, boolean isLast) {
      text.append(data);
      if (isLast) {
        take((Map<?, ?>) Json.parse(text.toString()));
        text.setLength(0);
      }
      from.request(1);
      return null;
    }

    private void take(Map<?, ?> message) {
      if (message.get("id") instanceof Long id) {
        asked.remove(id).complete(message);
      } else if (List.of("Runtime.exceptionThrown", "Log.entryAdded")
          .contains(message.get("method"))) {
        String said = Json.write(message.get("params"));
        if (!said.contains("\"level\":\"verbose\"")) {
          complaints.add(said);
        }
      }
    }
  }

  @Override
  public void close() {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
    try {
      process.waitFor(10, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
