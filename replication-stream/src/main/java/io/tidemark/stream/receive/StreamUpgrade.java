package io.tidemark.stream.receive;

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
import io.tidemark.stream.Protocol;
import java.io.IOException;
import java.util.function.Consumer;

/**
 * Asks a node's HTTP port for the stream (RFC 9110, section 7.8) and leaves the pipeline when that
 * has been granted.
 */
final class StreamUpgrade extends SimpleChannelInboundHandler<FullHttpResponse> {
  /** Most that a refusal in words may have. */
  private static final int MOST_BYTES = 64 << 10;

  private final PrimaryAddress address;
  private final Consumer<ChannelPipeline> granted;
  private final Consumer<Throwable> failed;

  /**
   * @param granted adds what comes next to the pipeline
   */
  StreamUpgrade(
      PrimaryAddress address, Consumer<ChannelPipeline> granted, Consumer<Throwable> failed) {
    this.address = address;
    this.granted = granted;
    this.failed = failed;
  }

  @Override
  public void handlerAdded(ChannelHandlerContext context) {
    context
        .pipeline()
        .addBefore(context.name(), "http", new HttpClientCodec())
        .addBefore(context.name(), "http-whole", new HttpObjectAggregator(MOST_BYTES));
  }

  @Override
  public void channelActive(ChannelHandlerContext context) {
    DefaultFullHttpRequest request =
        new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, Protocol.PATH);
    request
        .headers()
        .set(HttpHeaderNames.HOST, address.toString())
        .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE)
        .set(HttpHeaderNames.UPGRADE, Protocol.NAME);
    if (address.token() != null) {
      request.headers().set(HttpHeaderNames.AUTHORIZATION, "Bearer " + address.token());
    }
    context.writeAndFlush(request);
  }

  @Override
  protected void channelRead0(ChannelHandlerContext context, FullHttpResponse response) {
    if (!response.status().equals(HttpResponseStatus.SWITCHING_PROTOCOLS)) {
      String body = response.content().toString(CharsetUtil.UTF_8).strip();
      failed.accept(
          new IOException(
              address
                  + " does not serve the stream ("
                  + response.status()
                  + (body.isEmpty() ? "" : ": " + body.lines().findFirst().orElse(""))
                  + ")"));
      context.close();
      return;
    }
    // The primary says nothing before it is greeted, so the codec has read nothing beyond the
    // answer.
    // It has to be gone before the greeting is written.
    ChannelPipeline pipeline = context.pipeline();
    pipeline.remove("http-whole");
    pipeline.remove("http");
    pipeline.remove(this);
    granted.accept(pipeline);
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    failed.accept(new IOException(address + " ended the connection before it was a stream"));
    context.fireChannelInactive();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    failed.accept(cause);
    context.close();
  }
}
