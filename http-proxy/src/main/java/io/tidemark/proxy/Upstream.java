package io.tidemark.proxy;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpRequestEncoder;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.util.ReferenceCountUtil;

/** A connection to an endpoint, which serves one exchange at a time. */
final class Upstream extends ChannelInboundHandlerAdapter {
  private final Endpoint endpoint;
  private final UpstreamPool pool;
  private final AnswerDecoder decoder;
  private final HttpRequestEncoder encoder = new HttpRequestEncoder();
  private Channel channel;

  /** Null while nobody uses it. */
  private Exchange exchange;

  private boolean reused;
  private long idleSince;
  private Throwable cause;

  Upstream(Endpoint endpoint, UpstreamPool pool, ProxySettings.Limits limits) {
    this.endpoint = endpoint;
    this.pool = pool;
    this.decoder = new AnswerDecoder(limits);
  }

  /** To be called once, when the connection speaks HTTP with the endpoint. */
  void install(ChannelPipeline pipeline) {
    channel = pipeline.channel();
    pipeline.addLast(encoder, decoder, this);
  }

  Endpoint endpoint() {
    return endpoint;
  }

  Channel channel() {
    return channel;
  }

  /** Whether an earlier exchange used it: then the other side may be closing it unseen. */
  boolean isReused() {
    return reused;
  }

  boolean isOpen() {
    return channel.isActive();
  }

  long idleSince() {
    return idleSince;
  }

  void idle(long now) {
    exchange = null;
    reused = true;
    idleSince = now;
    channel.config().setAutoRead(true);
  }

  void begin(Exchange by, HttpRequest request) {
    exchange = by;
    decoder.head(request.method().equals(HttpMethod.HEAD));
    channel.write(request);
  }

  void write(HttpContent content) {
    channel.write(content);
  }

  void flush() {
    channel.flush();
  }

  boolean isWritable() {
    return channel.isWritable();
  }

  /** Whether answers are read. */
  void read(boolean wanted) {
    channel.config().setAutoRead(wanted);
  }

  /** Nobody is told about it any more. */
  void close() {
    exchange = null;
    channel.close();
  }

  /** Leaves HTTP: from here on the handler gets bytes. */
  void become(TunnelEnd end) {
    exchange = null;
    ChannelPipeline pipeline = channel.pipeline();
    pipeline.remove(encoder);
    pipeline.addLast(end);
    pipeline.remove(this);
    pipeline.remove(decoder);
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    if (exchange == null) {
      ReferenceCountUtil.release(message);
      if (!(message instanceof ByteBuf)) {
        context.close(); // an answer to nothing
      }
    } else if (message instanceof HttpResponse head) {
      exchange.answered(head);
      if (message instanceof HttpContent content) {
        pieceOf(content); // what could not be decoded is both
      }
    } else if (message instanceof HttpContent content) {
      pieceOf(content);
    } else {
      ReferenceCountUtil.release(message);
    }
  }

  private void pieceOf(HttpContent content) {
    if (exchange == null) {
      content.release();
    } else {
      exchange.answerPiece(content);
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext context) {
    if (exchange != null) {
      exchange.answerFlush();
    }
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext context) {
    if (exchange != null) {
      exchange.upstreamWritable();
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    pool.remove(this);
    Exchange user = exchange;
    exchange = null;
    if (user != null) {
      user.upstreamClosed(this, cause);
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable thrown) {
    cause = thrown;
    context.close();
  }
}
