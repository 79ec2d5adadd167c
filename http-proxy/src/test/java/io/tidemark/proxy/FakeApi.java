package io.tidemark.proxy;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** A node's API port, as far as it leads to the node's proxy. */
final class FakeApi implements AutoCloseable {
  private final EventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(
          1, new DefaultThreadFactory("api", true), NioIoHandler.newFactory());
  private final ChannelGroup channels = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
  private final Channel listener;
  final AtomicInteger upgrades = new AtomicInteger();

  /** Null: this node has no proxy. */
  volatile ProxyServer proxy;

  FakeApi() {
    listener =
        new ServerBootstrap()
            .group(loops)
            .channel(NioServerSocketChannel.class)
            .childHandler(
                new ChannelInitializer<>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    channels.add(channel);
                    channel.pipeline().addLast(new HttpServerCodec(), new Door());
                  }
                })
            .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .awaitUninterruptibly()
            .channel();
  }

  int port() {
    return ((InetSocketAddress) listener.localAddress()).getPort();
  }

  /** Cuts all connections, as if the process were killed. */
  void cut() {
    channels.close().awaitUninterruptibly();
  }

  private final class Door extends ChannelInboundHandlerAdapter {
    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
      ReferenceCountUtil.release(message);
      if (!(message instanceof HttpRequest request)) {
        return;
      }
      boolean wanted =
          request.uri().equals(PeerUpgrade.PATH)
              && PeerUpgrade.PROTOCOL.equals(request.headers().get(HttpHeaderNames.UPGRADE));
      boolean granted = wanted && proxy != null;
      DefaultFullHttpResponse answer =
          new DefaultFullHttpResponse(
              HttpVersion.HTTP_1_1,
              granted
                  ? HttpResponseStatus.SWITCHING_PROTOCOLS
                  : HttpResponseStatus.SERVICE_UNAVAILABLE);
      if (granted) {
        upgrades.incrementAndGet();
        answer.headers().set(HttpHeaderNames.UPGRADE, PeerUpgrade.PROTOCOL);
      } else {
        answer.headers().set(HttpHeaderNames.CONTENT_LENGTH, 0);
      }
      context.writeAndFlush(answer);
      if (granted) {
        proxy.accept(context.channel());
        context.pipeline().remove(this);
        context.pipeline().remove(HttpServerCodec.class);
      }
    }
  }

  @Override
  public void close() {
    listener.close();
    loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
  }
}
