package io.tidemark.proxy;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** One attempt to reach an endpoint, at all addresses that its name has. Of the event loop. */
final class Connecting {
  /** Who wants the connection. */
  interface Result {
    /** It is there, and now belongs to the receiver. */
    void connected(Upstream upstream);

    /** There is none. */
    void failed(Throwable why);
  }

  private static final int CONNECT_MILLIS = 2_000;
  private static final long UPGRADE_SECONDS = 5;

  private final Endpoint endpoint;
  private final EventLoop loop;
  private final Class<? extends Channel> type;
  private final Supplier<Upstream> upstreams;

  /** Null when nobody waits any more. */
  private Result result;

  private List<InetAddress> addresses;
  private int next;
  private Throwable firstFailure;

  Connecting(
      Endpoint endpoint,
      EventLoop loop,
      Class<? extends Channel> type,
      Result result,
      Supplier<Upstream> upstreams) {
    this.endpoint = endpoint;
    this.loop = loop;
    this.type = type;
    this.result = result;
    this.upstreams = upstreams;
  }

  void start() {
    HostNames.find(endpoint.host())
        .whenComplete(
            (found, failure) -> {
              if (loop.inEventLoop()) {
                found(found, failure);
              } else {
                loop.execute(() -> found(found, failure));
              }
            });
  }

  /** Nobody wants it any more. */
  void cancel() {
    result = null;
  }

  private void found(List<InetAddress> list, Throwable failure) {
    if (failure != null) {
      fail(new IOException("there is no host " + endpoint.host(), failure));
      return;
    }
    addresses = list;
    tryNext();
  }

  private void tryNext() {
    if (result == null) {
      return;
    }
    if (next == addresses.size()) {
      fail(firstFailure);
      return;
    }
    InetAddress address = addresses.get(next++);
    ChannelFuture connect =
        new Bootstrap()
            .group(loop)
            .channel(type)
            .option(ChannelOption.TCP_NODELAY, true)
            .option(ChannelOption.SO_KEEPALIVE, true)
            .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_MILLIS)
            .option(ChannelOption.WRITE_BUFFER_WATER_MARK, Proxy.WATER_MARK)
            .option(ChannelOption.RECVBUF_ALLOCATOR, Proxy.receiveBuffers())
            .handler(nothing())
            .connect(new InetSocketAddress(address, endpoint.port()));
    connect.addListener(
        done -> {
          if (done.isSuccess()) {
            open(connect.channel());
          } else {
            firstFailure = firstFailure == null ? done.cause() : firstFailure;
            tryNext();
          }
        });
  }

  private static ChannelHandler nothing() {
    return new ChannelInitializer<>() {
      @Override
      protected void initChannel(Channel channel) {
        // Handlers come when it is known who is at the other end.
      }
    };
  }

  private void open(Channel channel) {
    if (result == null) {
      channel.close();
    } else if (endpoint.isPeer()) {
      PeerUpgrade.start(channel, endpoint.peer(), () -> ready(channel), this::fail);
      loop.schedule(
          () -> fail(new IOException(endpoint + " does not answer")),
          UPGRADE_SECONDS,
          TimeUnit.SECONDS);
    } else {
      ready(channel);
    }
  }

  private void ready(Channel channel) {
    Result waiting = result;
    result = null;
    if (waiting == null) {
      channel.close();
      return;
    }
    Upstream upstream = upstreams.get();
    upstream.install(channel.pipeline());
    waiting.connected(upstream);
  }

  private void fail(Throwable why) {
    Result waiting = result;
    result = null;
    if (waiting != null) {
      waiting.failed(why);
    }
  }
}
