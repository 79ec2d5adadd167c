package io.tidemark.proxy;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Real proxies before applications that a test plays. */
final class ProxyBed implements AfterEachCallback {
  private final Deque<AutoCloseable> open = new ArrayDeque<>();
  final FakePositions positions = new FakePositions();
  final FakePrimaries primaries = new FakePrimaries();
  volatile long lag;

  // What the next proxy is told.
  Duration headTimeout = Duration.ofSeconds(10);
  Duration readTimeout = Duration.ZERO;
  Duration writeTimeout = Duration.ZERO;
  Duration idleTimeout = Duration.ofSeconds(30);
  Duration primaryTimeout = Duration.ofSeconds(5);
  Duration positionTimeout = Duration.ofMillis(400);
  Duration startTimeout = Duration.ofMillis(300);
  List<String> databases = List.of();
  boolean flyReplay;
  int maxConnections = 1000;
  long maxHeads = 1 << 20;
  long easyBuffers = 1L << 29;
  String nodeName = "one";

  <T extends AutoCloseable> T closing(T closed) {
    open.push(closed);
    return closed;
  }

  RawApplication application(RawApplication.Script script) throws IOException {
    return closing(new RawApplication(script));
  }

  ProxyServer proxy(RawApplication application) throws IOException {
    return proxy(application.port(), primaries);
  }

  ProxyServer proxy(int target, Primaries who) throws IOException {
    EventLoopGroup loops =
        new MultiThreadIoEventLoopGroup(
            1, new DefaultThreadFactory("proxy", true), NioIoHandler.newFactory());
    ProxySettings settings =
        new ProxySettings(
            nodeName,
            "127.0.0.1",
            target,
            databases,
            List.of("*.png"),
            List.of("/admin/*"),
            flyReplay,
            Duration.ofSeconds(1),
            primaryTimeout,
            readTimeout,
            headTimeout,
            writeTimeout,
            idleTimeout,
            new ProxySettings.Limits(
                maxConnections,
                4 << 10,
                8 << 10,
                maxHeads,
                easyBuffers,
                1L << 30,
                positionTimeout,
                startTimeout));
    ProxyServer proxy = closing(ProxyServer.create(settings, positions, who, () -> lag, loops));
    proxy.listen(
        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), NioServerSocketChannel.class);
    return proxy;
  }

  RawConnection client(ProxyServer proxy) throws IOException {
    return closing(RawConnection.to(proxy.port()));
  }

  /** All that {@link #client} gave. */
  void closeClients() throws Exception {
    for (AutoCloseable closed : open) {
      if (closed instanceof RawConnection) {
        closed.close();
      }
    }
  }

  static String get(String path) {
    return "GET " + path + " HTTP/1.1\r\nHost: app.example\r\n\r\n";
  }

  static String post(String path, String body) {
    return "POST "
        + path
        + " HTTP/1.1\r\nHost: app.example\r\nContent-Length: "
        + body.length()
        + "\r\n\r\n"
        + body;
  }

  static String ok(String body) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + body.length() + "\r\n\r\n" + body;
  }

  @Override
  public void afterEach(ExtensionContext context) throws Exception {
    while (!open.isEmpty()) {
      open.pop().close();
    }
  }
}
