package io.tidemark.proxy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import io.tidemark.proxy.ProxyCounters.Outcome;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * A connection of a client, or of another node's proxy: reads a request, lets an {@link Exchange}
 * find its answer, reads the next. Of its event loop.
 */
final class ClientConnection extends ChannelInboundHandlerAdapter {
  private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(2);
  private static final int SOME_BYTES = 2 << 10;
  private static final long PEER_IDLE_NANOS = TimeUnit.MINUTES.toNanos(2);

  /** How long another node's idle connection is kept at the end, so that it learns of it. */
  private static final long PEER_FAREWELL_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  private final Proxy proxy;
  private final boolean peer;
  private final RequestDecoder decoder;
  private final ClientEncoder encoder = new ClientEncoder();
  private ChannelHandlerContext context;
  private Loop loop;

  /** Null between requests. */
  private Exchange exchange;

  /** Has its head, and begins when all that has come with it is decoded. */
  private Exchange unstarted;

  private boolean head;
  private boolean old;
  private boolean keepAlive;
  private boolean requestEnded = true;

  /** Something of the answer, or an interim one, was sent. */
  private boolean answered;

  /** Nothing is read any more; what is on its way is sent. */
  private boolean closing;

  /** When a request must have begun, its head be there, or what lingers be closed; 0 for never. */
  private long deadline;

  private boolean headClock;

  /** When the body must be there, and the answer sent; 0 for never. */
  private long bodyDeadline;

  private long answerDeadline;

  ClientConnection(Proxy proxy, boolean peer) {
    this.proxy = proxy;
    this.peer = peer;
    this.decoder = new RequestDecoder(proxy.settings.limits(), proxy.memory);
  }

  /** Adds what reads and writes HTTP on a connection, and this. */
  void install(ChannelPipeline pipeline) {
    pipeline.addLast(decoder, encoder, this);
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    context = ctx;
    loop = proxy.loop(ctx.channel().eventLoop());
    loop.add(this);
    proxy.counters.connections.increment();
    ctx.channel().closeFuture().addListener(closed -> proxy.counters.connections.decrement());
    deadline = peer ? System.nanoTime() + PEER_IDLE_NANOS : in(proxy.settings.headTimeout());
    headClock = !peer;
  }

  private static long in(Duration limit) {
    return limit.isZero() ? 0 : System.nanoTime() + limit.toNanos();
  }

  // ----------------------------------------------------------------- who it is

  /** Whether another node forwards requests on it. */
  boolean isPeer() {
    return peer;
  }

  /** Whether the client speaks HTTP/1.0. */
  boolean isOld() {
    return old;
  }

  boolean isHead() {
    return head;
  }

  /** The client's address without its port. */
  String address() {
    SocketAddress remote = context.channel().remoteAddress();
    return remote instanceof InetSocketAddress inet && inet.getAddress() != null
        ? withoutZone(inet.getAddress().getHostAddress())
        : "unknown";
  }

  private static String withoutZone(String address) {
    int zone = address.indexOf('%');
    return zone < 0 ? address : address.substring(0, zone);
  }

  Channel channel() {
    return context.channel();
  }

  Class<? extends Channel> channelType() {
    return context.channel().getClass();
  }

  ChannelFuture channelClosed() {
    return context.channel().closeFuture();
  }

  // --------------------------------------------------------------------- requests

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    if (closing) {
      ReferenceCountUtil.release(message);
      return;
    }
    if (message instanceof HttpRequest request) {
      begin(request);
    }
    if (closing || !(message instanceof HttpContent content)) {
      ReferenceCountUtil.release(message);
      return;
    }
    if (content.decoderResult().isFailure()) {
      content.release();
      brokenBody();
      return;
    }
    if (content instanceof LastHttpContent) {
      read(true); // the decoder reads ahead as far as it likes
      requestEnded = true;
      bodyDeadline = 0;
    }
    if (exchange == null) {
      content.release(); // the answer is complete
    } else {
      exchange.requestPiece(content);
      if (requestEnded) {
        startExchange();
      }
    }
  }

  private void begin(HttpRequest request) {
    requestEnded = false;
    answered = false;
    old = request.protocolVersion().equals(HttpVersion.HTTP_1_0);
    head = request.method().equals(HttpMethod.HEAD);
    encoder.head(head);
    deadline = 0;
    headClock = false;
    Refusal refusal = RequestChecks.check(request);
    if (refusal == null && proxy.memory.isExhausted()) {
      refusal = RequestChecks.BUSY;
    }
    if (refusal != null) {
      if (refusal == RequestChecks.BUSY) {
        proxy.causes.warn("requests are refused", refusal.error());
      }
      proxy.counters.count(refusal == RequestChecks.BUSY ? Outcome.BUSY : Outcome.MALFORMED);
      keepAlive = false;
      refuse(refusal, true);
      return;
    }
    keepAlive = HttpUtil.isKeepAlive(request);
    bodyDeadline = in(proxy.settings.readTimeout());
    answerDeadline = in(proxy.settings.writeTimeout());
    exchange = new Exchange(proxy, loop, this, request, MessageHeaders.hasBody(request));
    unstarted = exchange;
  }

  private void startExchange() {
    Exchange begun = unstarted;
    unstarted = null;
    if (begun == null) {
      return;
    }
    if (peer && proxy.isDraining()) {
      begun.abort(Outcome.NO_PRIMARY);
      keepAlive = false;
      refuse(
          new Refusal(
              HttpResponseStatus.SERVICE_UNAVAILABLE, "this node is stopping", "Ask another one."),
          true);
    } else {
      begun.start();
    }
  }

  private void brokenBody() {
    proxy.counters.count(Outcome.MALFORMED);
    giveUp(Outcome.MALFORMED, Refusal.malformed("the body is not validly encoded"));
  }

  /** The request goes no further, and its client is told if it can be told. */
  private void giveUp(Outcome why, Refusal refusal) {
    Exchange ended = exchange;
    exchange = null;
    unstarted = null;
    if (ended != null) {
      ended.abort(why);
    }
    keepAlive = false;
    if (answered) {
      close();
    } else {
      refuse(refusal, false);
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext ctx) {
    startExchange();
    if (exchange != null) {
      exchange.requestFlush();
    }
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext ctx) {
    if (exchange != null) {
      exchange.clientWritable(ctx.channel().isWritable());
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    loop.remove(this);
    closing = true;
    Exchange ended = exchange;
    exchange = null;
    unstarted = null;
    if (ended != null) {
      ended.abort(Outcome.ABORTED);
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    if (!(cause instanceof IOException)) { // else a client that is gone
      proxy.causes.failed("a connection was closed", cause);
    }
    ctx.close();
  }

  /** Whether the client is read; decided by the body's way until the request has ended. */
  void read(boolean wanted) {
    if (!requestEnded) {
      context.channel().config().setAutoRead(wanted);
    }
  }

  // ---------------------------------------------------------------------- answers

  boolean isWritable() {
    return context.channel().isWritable();
  }

  /** Whether nothing waits to be sent. */
  boolean hasTakenAll() {
    return context.channel().bytesBeforeUnwritable() > Proxy.WATER_MARK.high() - SOME_BYTES;
  }

  /** Whether something of an answer was sent already, other than interim ones. */
  boolean isAnswered() {
    return answered;
  }

  /** An answer before the answer; its end follows as a piece. */
  void interim(HttpResponse response) {
    response.setProtocolVersion(HttpVersion.HTTP_1_1);
    encoder.head(false);
    context.write(response);
    encoder.head(head);
  }

  /** The head of an answer whose pieces follow. */
  void head(HttpResponse response) {
    answered = true;
    response.setProtocolVersion(HttpVersion.HTTP_1_1);
    HttpHeaders headers = response.headers();
    int code = response.status().code();
    boolean empty = head || code == 204 || code == 304;
    if (!empty) {
      if (old) {
        headers.remove(HttpHeaderNames.TRANSFER_ENCODING);
        keepAlive &= headers.contains(HttpHeaderNames.CONTENT_LENGTH);
      } else if (!headers.contains(HttpHeaderNames.CONTENT_LENGTH)) {
        headers.set(HttpHeaderNames.TRANSFER_ENCODING, HttpHeaderValues.CHUNKED);
      }
    }
    // An answer before the end of its request: nobody knows whether the rest will come.
    keepAlive &= requestEnded && !proxy.isDraining();
    if (!keepAlive) {
      headers.set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
    } else if (old) {
      headers.set(HttpHeaderNames.CONNECTION, HttpHeaderValues.KEEP_ALIVE);
    }
    context.write(response);
  }

  /** A piece of the answer. */
  void piece(HttpContent content) {
    context.write(content);
  }

  void flush() {
    context.flush();
  }

  /** The answer is complete. */
  void end() {
    exchange = null;
    answerDeadline = 0;
    if (keepAlive && requestEnded) {
      deadline = peer ? System.nanoTime() + PEER_IDLE_NANOS : in(proxy.settings.idleTimeout());
      headClock = false;
      context.flush();
      decoder.next();
    } else {
      finish();
    }
  }

  /** An answer of the proxy itself. The exchange, if there was one, has ended. */
  void answer(HttpResponseStatus status, String json, String name, String value) {
    exchange = null;
    answered = true;
    byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
    ByteBuf content = head ? Unpooled.EMPTY_BUFFER : Unpooled.wrappedBuffer(bytes);
    DefaultFullHttpResponse response =
        new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status, content);
    HttpHeaders headers = response.headers();
    headers.setInt(HttpHeaderNames.CONTENT_LENGTH, bytes.length);
    if (bytes.length > 0) {
      headers.set(HttpHeaderNames.CONTENT_TYPE, HttpHeaderValues.APPLICATION_JSON);
    }
    headers.set(HttpHeaderNames.CACHE_CONTROL, HttpHeaderValues.NO_STORE);
    if (name != null) {
      headers.set(name, value);
    }
    if (status.equals(HttpResponseStatus.SERVICE_UNAVAILABLE)) {
      headers.set(HttpHeaderNames.RETRY_AFTER, "1");
    }
    keepAlive &= requestEnded && !proxy.isDraining();
    if (!keepAlive) {
      headers.set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
    } else if (old) {
      headers.set(HttpHeaderNames.CONNECTION, HttpHeaderValues.KEEP_ALIVE);
    }
    context.write(response);
    end();
  }

  /**
   * @param nothingDone whether it is certain that no application has seen the request
   */
  void refuse(Refusal refusal, boolean nothingDone) {
    boolean tell = peer && nothingDone;
    answer(
        refusal.status(),
        refusal.json(),
        tell ? MessageHeaders.NOT_DONE.toString() : null,
        refusal.error());
  }

  // ----------------------------------------------------------------------- the end

  /** Sends what there is, then closes in a way that lets the client read it (RFC 9112, 9.6). */
  private void finish() {
    closing = true;
    decoder.stop();
    Channel channel = context.channel();
    channel.config().setAutoRead(true);
    deadline = System.nanoTime() + LINGER_NANOS;
    boolean plain = context.pipeline().get(SslHandler.class) == null;
    context
        .writeAndFlush(Unpooled.EMPTY_BUFFER)
        .addListener(
            sent -> {
              if (plain && sent.isSuccess() && channel instanceof SocketChannel socket) {
                socket.shutdownOutput();
              } else {
                channel.close();
              }
            });
  }

  /** At once, whatever is under way. */
  void close() {
    context.close();
  }

  /** Goes if nothing is under way; what is ends the connection. */
  void drain() {
    if (exchange == null && !closing) {
      if (peer) {
        deadline = System.nanoTime() + PEER_FAREWELL_NANOS;
      } else if (!decoder.hasBegun()) {
        close();
      }
    }
  }

  /** Leaves HTTP: from here on the handler gets bytes. */
  void become(TunnelEnd end, Runnable between) {
    loop.remove(this);
    exchange = null;
    context.flush();
    ChannelPipeline pipeline = context.pipeline();
    context.channel().config().setOption(ChannelOption.SO_KEEPALIVE, true);
    pipeline.remove(encoder);
    between.run();
    pipeline.addLast(end);
    pipeline.remove(this);
    pipeline.remove(decoder); // gives what the client has sent ahead to the tunnel
    context.channel().config().setAutoRead(end.hasRoom());
  }

  // --------------------------------------------------------------------- time limits

  /** Whether {@link #late} has something to do. Called often. */
  boolean isLate(long now) {
    if (exchange == null && !headClock && !closing && !peer && decoder.hasBegun()) {
      return true;
    }
    return isPast(deadline, now) || isPast(bodyDeadline, now) || isPast(answerDeadline, now);
  }

  private static boolean isPast(long when, long now) {
    return when != 0 && now - when >= 0;
  }

  void late(long now) {
    if (closing) {
      if (isPast(deadline, now)) {
        close();
      }
    } else if (exchange != null && isPast(bodyDeadline, now)) {
      tooSlow("the request did not come within proxy.read-timeout", false);
    } else if (exchange != null && isPast(answerDeadline, now)) {
      tooSlow("there was no complete answer within proxy.write-timeout", true);
    } else if (exchange == null && !decoder.hasBegun()) {
      if (isPast(deadline, now)) {
        close();
      }
    } else if (exchange == null && !headClock) {
      headClock = true; // its first bytes have come since the last look
      deadline = in(proxy.settings.headTimeout());
    } else if (exchange == null && isPast(deadline, now)) {
      old = false;
      head = false;
      encoder.head(false);
      requestEnded = false;
      answered = false;
      tooSlow("the headers did not come within proxy.read-header-timeout", false);
    }
  }

  private void tooSlow(String why, boolean byApplication) {
    if (exchange == null) {
      proxy.counters.count(Outcome.TIMED_OUT);
    }
    answerDeadline = 0;
    bodyDeadline = 0;
    giveUp(
        Outcome.TIMED_OUT,
        byApplication
            ? new Refusal(
                HttpResponseStatus.GATEWAY_TIMEOUT,
                why,
                "It is not known whether the request was carried out.")
            : new Refusal(HttpResponseStatus.REQUEST_TIMEOUT, why, "Send it faster."));
  }
}
