package io.tidemark.proxy;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.CharsetUtil;
import java.io.IOException;
import java.util.function.Consumer;

/**
 * Asks a node's API port to make this connection one of its proxy (RFC 9110, section 7.8). Leaves
 * the pipeline with nothing but TLS when that is granted.
 */
public final class PeerUpgrade extends SimpleChannelInboundHandler<FullHttpResponse> {
  /** The path to ask. */
  public static final String PATH = "/proxy";

  /** The name of what the connection becomes. */
  public static final String PROTOCOL = "tidemark-proxy/1";

  private static final int MOST_BYTES = 16 << 10;

  private final PrimaryNode node;
  private final Runnable granted;
  private final Consumer<Throwable> failed;

  private PeerUpgrade(PrimaryNode node, Runnable granted, Consumer<Throwable> failed) {
    this.node = node;
    this.granted = granted;
    this.failed = failed;
  }

  /** Begins on a channel that is connected and has no handlers. */
  static void start(
      Channel channel, PrimaryNode node, Runnable granted, Consumer<Throwable> failed) {
    ChannelPipeline pipeline = channel.pipeline();
    if (node.tls() != null) {
      pipeline.addLast(node.tls().newHandler(channel.alloc(), node.host(), node.port()));
    }
    PeerUpgrade handler = new PeerUpgrade(node, granted, failed);
    pipeline.addLast("http", new HttpClientCodec());
    pipeline.addLast("http-whole", new HttpObjectAggregator(MOST_BYTES));
    pipeline.addLast(handler);
    channel.writeAndFlush(handler.request());
  }

  private DefaultFullHttpRequest request() {
    DefaultFullHttpRequest request =
        new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, PATH);
    request
        .headers()
        .set(HttpHeaderNames.HOST, node.authority())
        .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE)
        .set(HttpHeaderNames.UPGRADE, PROTOCOL);
    if (node.token() != null) {
      request.headers().set(HttpHeaderNames.AUTHORIZATION, "Bearer " + node.token());
    }
    return request;
  }

  @Override
  protected void channelRead0(ChannelHandlerContext context, FullHttpResponse response) {
    if (!response.status().equals(HttpResponseStatus.SWITCHING_PROTOCOLS)) {
      String body = response.content().toString(CharsetUtil.UTF_8).strip();
      failed.accept(
          new IOException(
              "the primary at "
                  + node
                  + " does not take forwarded requests ("
                  + response.status()
                  + (body.isEmpty() ? "" : ": " + body.lines().findFirst().orElse(""))
                  + ")"));
      context.close();
      return;
    }
    ChannelPipeline pipeline = context.pipeline();
    pipeline.remove("http-whole");
    pipeline.remove("http");
    pipeline.remove(this);
    granted.run();
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    failed.accept(new IOException("the primary at " + node + " closed the connection"));
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    failed.accept(cause);
    context.close();
  }
}
