package io.tidemark.proxy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.DecoderResult;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpRequestDecoder;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import java.util.List;

/**
 * Decodes one request, then waits for {@link #next}: what a client sends ahead stays here
 * undecoded, and when that is much, in its socket.
 */
final class RequestDecoder extends HttpRequestDecoder {
  /** Bytes sent ahead from which on the socket is read no more. */
  private static final int MOST_AHEAD = 16 << 10;

  private static final int CHUNK = 64 << 10;

  private final HeadScanner scanner = new HeadScanner();
  private final MemoryBudget memory;
  private ChannelHandlerContext context;

  /** Bytes of the head of the request that is being read or answered. */
  private int headBytes;

  /** So many of them are taken from the budget. */
  private int taken;

  private boolean inHead = true;
  private boolean begun;
  private boolean waiting;
  private boolean stopped;
  private boolean paused;

  RequestDecoder(ProxySettings.Limits limits, MemoryBudget memory) {
    super(config(limits));
    this.memory = memory;
  }

  /** Shared with answers: how much may be in a head, and no leniency. */
  static HttpDecoderConfig config(ProxySettings.Limits limits) {
    return new HttpDecoderConfig()
        .setMaxInitialLineLength(limits.maxLine())
        .setMaxHeaderSize(limits.maxHeaders())
        .setMaxChunkSize(CHUNK)
        .setValidateHeaders(true)
        .setAllowDuplicateContentLengths(false)
        .setStrictLineParsing(true);
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    context = ctx;
  }

  /** Whether bytes of a request have come whose head is not complete. */
  boolean hasBegun() {
    return begun || !waiting && actualReadableBytes() > 0;
  }

  /** The answer has gone: the next request may come. */
  void next() {
    waiting = false;
    giveBack();
    readOn();
    if (actualReadableBytes() > 0) {
      try {
        channelRead(context, Unpooled.EMPTY_BUFFER);
        channelReadComplete(context);
      } catch (Exception e) {
        context.fireExceptionCaught(e);
      }
    }
  }

  /** Nothing is decoded any more, and what comes is thrown away. */
  void stop() {
    stopped = true;
    giveBack();
    readOn();
  }

  private void readOn() {
    if (paused) {
      paused = false;
      context.channel().config().setAutoRead(true);
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) throws Exception {
    super.channelRead(ctx, message);
    if (waiting && !stopped && !paused && actualReadableBytes() > MOST_AHEAD) {
      paused = true;
      ctx.channel().config().setAutoRead(false);
    }
  }

  @Override
  protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) throws Exception {
    if (stopped) {
      in.skipBytes(in.readableBytes());
      return;
    }
    if (waiting) {
      return;
    }
    if (inHead) {
      scanner.look(in);
      if (scanner.problem() != null) {
        refuse(
            scanner.isTooLong()
                ? new TooLongHttpHeaderException(scanner.problem())
                : new IllegalArgumentException(scanner.problem()),
            out);
        return;
      }
    }
    int before = in.readableBytes();
    int size = out.size();
    super.decode(ctx, in, out);
    if (inHead) {
      scanner.consumed(before - in.readableBytes());
      begun |= before > in.readableBytes();
      headBytes += before - in.readableBytes();
      boolean incomplete = out.size() == size;
      if (!take(headBytes + (incomplete ? in.readableBytes() : 0)) && incomplete) {
        refuse(new OutOfRoomException(), out);
        return;
      }
    }
    if (out.size() > size) {
      decoded((HttpObject) out.get(size), (HttpObject) out.get(out.size() - 1));
    }
  }

  /** The request ends here and now, whatever else of it comes. */
  private void refuse(Exception why, List<Object> out) {
    DefaultFullHttpRequest refused =
        new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, "/");
    refused.setDecoderResult(DecoderResult.failure(why));
    out.add(refused);
    waiting = true;
  }

  /** There are so many requests that this one has to be refused. */
  static final class OutOfRoomException extends Exception {
    private static final long serialVersionUID = 1;

    OutOfRoomException() {
      super("too many requests at once", null, false, false);
    }
  }

  private boolean take(int bytes) {
    int more = bytes - taken;
    taken = bytes;
    return more == 0 || memory.takeHead(more);
  }

  private void giveBack() {
    take(0);
    headBytes = 0;
  }

  @Override
  protected void handlerRemoved0(ChannelHandlerContext ctx) throws Exception {
    giveBack();
    super.handlerRemoved0(ctx);
  }

  private void decoded(HttpObject first, HttpObject last) {
    if (first instanceof HttpRequest) {
      inHead = false;
      begun = false;
    }
    if (last instanceof LastHttpContent) {
      waiting = true;
      inHead = true;
      scanner.restart();
    }
  }

  /** The last header decides what follows; a request may not leave that to interpretation. */
  @Override
  protected void handleTransferEncodingChunkedWithContentLength(HttpMessage message) {
    throw new IllegalArgumentException("both Content-Length and Transfer-Encoding");
  }
}
