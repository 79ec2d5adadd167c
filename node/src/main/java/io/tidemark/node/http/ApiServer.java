package io.tidemark.node.http;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.flow.FlowControlHandler;
import io.netty.handler.ssl.OptionalSslHandler;
import io.netty.handler.ssl.SslContext;
import io.tidemark.node.NodeState;
import io.tidemark.node.config.NodeConfig;
import io.tidemark.node.tls.ReloadedTls;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The port of the node. Every connection speaks HTTP/1.1; the replication stream, and what other
 * nodes' proxies forward, leave it by an upgrade in {@link ApiHandler}.
 */
public final class ApiServer implements AutoCloseable {
  private static final int MAX_TRANSFERS = 16;
  private static final int MAX_WAITING_ANSWERS = 256;

  static {
    // Netty numbers its connections by this; looking for a hardware address costs start time, and a
    // warning where there is none.
    if (System.getProperty("io.netty.machineId") == null) {
      System.setProperty("io.netty.machineId", "02:00:00:00:00:00");
    }
  }

  private final EventLoopGroup loops;
  private final ExecutorService answers;
  private final ExecutorService transfers;

  /** For the end: an event loop that ends leaves its sockets as they are. */
  private final Set<Channel> open = ConcurrentHashMap.newKeySet();

  private Channel listener;

  private ApiServer() {
    ThreadFactory threads = daemonThreads("http");
    // Not epoll: a connection whose client has ended its side, and that is not read, has nothing to
    // wait for there, and Netty 4.2.18 cannot wait for room to write after that: it takes the
    // socket
    // out of epoll and then changes what is not there any more (ENOENT), which closes the
    // connection.
    this.loops = new MultiThreadIoEventLoopGroup(1, threads, NioIoHandler.newFactory());
    this.answers =
        new ThreadPoolExecutor(
            2,
            2,
            30,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(MAX_WAITING_ANSWERS),
            daemonThreads("http-answer"));
    this.transfers =
        new ThreadPoolExecutor(
            0,
            MAX_TRANSFERS,
            30,
            TimeUnit.SECONDS,
            new SynchronousQueue<>(),
            daemonThreads("http-transfer"));
  }

  /**
   * Binds the port and serves it.
   *
   * @throws IOException when the port is taken or the certificates cannot be used; says which
   */
  public static ApiServer start(NodeConfig.Http config, NodeState node, ApiLimits limits)
      throws IOException {
    emptySpool(ApiHandler.spoolDir(node));
    SslContext tls = config.tls() == null ? null : serverTls(config.tls());
    ApiServer server = new ApiServer();
    try {
      server.bind(config, node, limits, tls);
      return server;
    } catch (IOException | RuntimeException e) {
      server.close();
      throw e;
    }
  }

  private void bind(NodeConfig.Http config, NodeState node, ApiLimits limits, SslContext tls)
      throws IOException {
    Routes routes = new Routes(node);
    ApiSecurity security =
        new ApiSecurity(config.tokens(), config.addr().isLoopback(), tls != null);
    ConnectionSlots slots = new ConnectionSlots(limits.maxConnections());
    ServerBootstrap bootstrap =
        new ServerBootstrap()
            .group(loops)
            .channel(NioServerSocketChannel.class)
            .option(ChannelOption.SO_BACKLOG, 128)
            .option(ChannelOption.SO_REUSEADDR, true)
            .childOption(ChannelOption.AUTO_READ, false)
            // A client may end its side when it has said what it wants; ApiHandler then answers.
            .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
            .childOption(ChannelOption.TCP_NODELAY, true)
            .childOption(
                ChannelOption.WRITE_BUFFER_WATER_MARK,
                new WriteBufferWaterMark(64 << 10, 256 << 10))
            .childHandler(
                new ChannelInitializer<SocketChannel>() {
                  @Override
                  protected void initChannel(SocketChannel channel) {
                    if (!slots.take(channel)) {
                      channel.close();
                      return;
                    }
                    open.add(channel);
                    channel.closeFuture().addListener(closed -> open.remove(channel));
                    ChannelPipeline pipeline = channel.pipeline();
                    if (tls != null) {
                      // Plain HTTP goes on to ApiSecurity, which says what is wrong with it.
                      pipeline.addLast(new OptionalSslHandler(tls));
                    }
                    pipeline.addLast(new HttpServerCodec(decoder(limits)));
                    pipeline.addLast(new FlowControlHandler());
                    pipeline.addLast(
                        new ApiHandler(node, routes, security, limits, slots, answers, transfers));
                  }
                });
    ChannelFuture bound = bootstrap.bind(config.addr().socketAddress()).awaitUninterruptibly();
    if (!bound.isSuccess()) {
      throw new IOException(
          "Cannot listen on "
              + config.addr()
              + ": "
              + bound.cause().getMessage()
              + ". Choose another address with --http-addr or http.addr.",
          bound.cause());
    }
    listener = bound.channel();
  }

  private static HttpDecoderConfig decoder(ApiLimits limits) {
    return new HttpDecoderConfig()
        .setMaxInitialLineLength(limits.maxLine())
        .setMaxHeaderSize(limits.maxHeaders())
        .setMaxChunkSize(64 << 10);
  }

  private static SslContext serverTls(NodeConfig.Tls tls) throws IOException {
    try {
      return ReloadedTls.server(tls);
    } catch (IOException e) {
      throw new IOException(
          "Cannot use http.tls: "
              + e.getMessage()
              + ". The files must be PEM, the key in PKCS#8 (openssl pkcs8 -topk8 -nocrypt).",
          e);
    }
  }

  /** Bodies that a killed process left behind. */
  private static void emptySpool(Path dir) throws IOException {
    if (!Files.isDirectory(dir)) {
      return;
    }
    try (DirectoryStream<Path> left = Files.newDirectoryStream(dir, "*.db")) {
      for (Path file : left) {
        Files.delete(file);
      }
    }
  }

  private static ThreadFactory daemonThreads(String name) {
    AtomicInteger count = new AtomicInteger();
    return work -> {
      Thread thread = new Thread(work, name + "-" + count.incrementAndGet());
      thread.setDaemon(true);
      return thread;
    };
  }

  /** The port in use, also when the configuration said 0. */
  public int port() {
    return ((InetSocketAddress) listener.localAddress()).getPort();
  }

  /** Stops listening and ends every connection. */
  @Override
  public void close() {
    if (listener != null) {
      listener.close().awaitUninterruptibly();
    }
    open.forEach(Channel::close);
    loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
    answers.shutdownNow();
    transfers.shutdownNow();
  }
}
