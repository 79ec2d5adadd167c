package io.tidemark.proxy;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.socket.SocketChannel;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * The proxy of a node: its port, and its door for requests that other nodes forward. Safe for all
 * threads.
 */
public final class ProxyServer implements AutoCloseable {
  private static final int BACKLOG = 1024;
  private static final long LOOK_MILLIS = 10;

  private final Proxy proxy;
  private final EventLoopGroup loops;
  private Channel listener;

  private ProxyServer(Proxy proxy, EventLoopGroup loops) {
    this.proxy = proxy;
    this.loops = loops;
  }

  /**
   * A proxy that does not listen yet, but takes what other nodes forward.
   *
   * @param loops ended by {@link #close}
   */
  public static ProxyServer create(
      ProxySettings settings,
      LocalPositions positions,
      Primaries primaries,
      Lag lag,
      EventLoopGroup loops) {
    return new ProxyServer(new Proxy(settings, positions, primaries, lag), loops);
  }

  /**
   * Binds the port and serves it.
   *
   * @param type of listeners that the event loops can serve
   * @throws IOException when the port is taken
   */
  public void listen(InetSocketAddress address, Class<? extends ServerChannel> type)
      throws IOException {
    ServerBootstrap bootstrap =
        new ServerBootstrap()
            .group(loops)
            .channel(type)
            .option(ChannelOption.SO_BACKLOG, BACKLOG)
            .option(ChannelOption.SO_REUSEADDR, true)
            .childOption(ChannelOption.TCP_NODELAY, true)
            .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, Proxy.WATER_MARK)
            .childOption(ChannelOption.RECVBUF_ALLOCATOR, Proxy.receiveBuffers())
            .childHandler(
                new ChannelInitializer<SocketChannel>() {
                  @Override
                  protected void initChannel(SocketChannel channel) {
                    if (isFull()) {
                      channel.close();
                      return;
                    }
                    new ClientConnection(proxy, false).install(channel.pipeline());
                  }
                });
    ChannelFuture bound = bootstrap.bind(address).awaitUninterruptibly();
    if (!bound.isSuccess()) {
      throw new IOException(
          "Cannot listen on "
              + address.getHostString()
              + ":"
              + address.getPort()
              + ": "
              + bound.cause().getMessage()
              + ". Choose another address with proxy.addr.",
          bound.cause());
    }
    listener = bound.channel();
  }

  private boolean isFull() {
    int most = proxy.settings.limits().maxConnections();
    boolean full = proxy.counters.connections() >= most;
    if (full) {
      proxy.counters.refusedConnections.increment();
      proxy.causes.warn("connections are refused", "there are " + most + " already");
    }
    return full;
  }

  /** The port in use, also when the address said 0. */
  public int port() {
    return ((InetSocketAddress) listener.localAddress()).getPort();
  }

  /**
   * Takes a connection on which another node of the cluster forwards requests. Its pipeline decodes
   * nothing from here on.
   */
  public void accept(Channel channel) {
    if (isFull()) {
      channel.close();
      return;
    }
    channel.config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, false);
    channel.config().setOption(ChannelOption.WRITE_BUFFER_WATER_MARK, Proxy.WATER_MARK);
    channel.config().setOption(ChannelOption.SO_KEEPALIVE, true);
    new ClientConnection(proxy, true).install(channel.pipeline());
  }

  public ProxyCounters counters() {
    return proxy.counters;
  }

  /**
   * Requests that write are held instead of being given to the application, until {@link
   * #releaseWrites}. To be asked again until the answer is true.
   *
   * @return whether the application has answered all that it was given
   */
  public boolean holdWrites() {
    return proxy.holdWrites();
  }

  /** Requests that write go where they can be served, which may be another node. */
  public void releaseWrites() {
    proxy.releaseWrites();
  }

  /** New clients are refused; those that are here go on. */
  public void stopListening() {
    if (listener != null) {
      listener.close().awaitUninterruptibly();
    }
  }

  /**
   * Takes no more requests, and waits for the answers to those it has.
   *
   * @param limit the longest time
   */
  public void drain(Duration limit) {
    stopListening();
    proxy.drain();
    long end = System.nanoTime() + limit.toNanos();
    try {
      while (proxy.counters.connections() > 0 && System.nanoTime() - end < 0) {
        Thread.sleep(LOOK_MILLIS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // then what is left is cut
    }
  }

  /** Ends every connection. */
  @Override
  public void close() {
    stopListening();
    proxy.close();
    loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
  }
}
