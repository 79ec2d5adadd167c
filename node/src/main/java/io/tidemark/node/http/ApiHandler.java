package io.tidemark.node.http;

import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.netty.handler.flow.FlowControlHandler;
import io.netty.handler.ssl.NotSslRecordException;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import io.tidemark.database.InvalidDatabaseException;
import io.tidemark.node.NodeState;
import io.tidemark.node.ServedDatabase;
import io.tidemark.stream.EndOfInput;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection: reads a request, answers it, reads the next. Messages arrive one by one, each
 * only after {@link #readNext}, so pipelined requests wait in the socket. Fields belong to the
 * event loop, except where said.
 */
final class ApiHandler extends ChannelInboundHandlerAdapter {
  private static final Logger LOG = LoggerFactory.getLogger(ApiHandler.class);
  private static final long MAX_IGNORED_BODY = 64 << 10;
  private static final long MAX_DISCARDED = 64L << 20;
  private static final int LINGER_SECONDS = 5;

  /** What the next message of the connection is. */
  private enum Expect {
    /** The head of a request. */
    HEAD,
    /** The rest of a request whose action is already chosen; nothing in it is needed. */
    END,
    /** A piece of an import's body. */
    BODY,
    /** Anything, to be thrown away until the client has stopped sending. */
    REST
  }

  private final NodeState node;
  private final Routes routes;
  private final ApiSecurity security;
  private final ApiLimits limits;
  private final ConnectionSlots slots;
  private final Executor answers;
  private final Executor transfers;

  private Expect expect = Expect.HEAD;
  private Action action;
  private boolean head;
  private boolean keepAlive;
  private boolean chunked;
  private long ignored;
  private ScheduledFuture<?> headTimeout;
  private Upload upload;

  /** Set by the event loop, woken by it while a worker writes. */
  private volatile ExportChannel export;

  private EventStream events;

  /** The client has ended its side; what it asked before is answered all the same. */
  private boolean inputEnded;

  /** Messages that have come. */
  private long messages;

  /** The last answer on its way, or null. */
  private ChannelFuture lastAnswer;

  ApiHandler(
      NodeState node,
      Routes routes,
      ApiSecurity security,
      ApiLimits limits,
      ConnectionSlots slots,
      Executor answers,
      Executor transfers) {
    this.node = node;
    this.routes = routes;
    this.security = security;
    this.limits = limits;
    this.slots = slots;
    this.answers = answers;
    this.transfers = transfers;
  }

  @Override
  public void channelActive(ChannelHandlerContext ctx) {
    awaitRequest(ctx);
  }

  private void awaitRequest(ChannelHandlerContext ctx) {
    expect = Expect.HEAD;
    action = null;
    headTimeout =
        ctx.executor()
            .schedule(() -> ctx.close(), limits.requestTimeout().toMillis(), TimeUnit.MILLISECONDS);
    readNext(ctx);
  }

  /**
   * Lets the next message come. Reading goes on until the decoder has made one, however many pieces
   * it arrives in, and stops with its delivery.
   */
  private void readNext(ChannelHandlerContext ctx) {
    ctx.executor()
        .execute(
            () -> {
              long before = messages;
              ctx.channel().config().setAutoRead(true);
              if (inputEnded && messages == before) {
                endOfInput(ctx); // nothing waits in the decoder either
              }
            });
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
    if (EndOfInput.is(event) && !inputEnded) {
      inputEnded = true;
      if (ctx.channel().config().isAutoRead()) {
        endOfInput(ctx); // a message is being waited for
      }
    }
    ctx.fireUserEventTriggered(event);
  }

  /** A message was waited for that will never come. */
  private void endOfInput(ChannelHandlerContext ctx) {
    if (lastAnswer == null) {
      ctx.close();
    } else {
      lastAnswer.addListener(ChannelFutureListener.CLOSE);
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    messages++;
    ctx.channel().config().setAutoRead(false);
    if (expect == Expect.BODY && message instanceof HttpContent piece) {
      upload.offer(piece);
      return;
    }
    try {
      switch (expect) {
        case HEAD -> onHead(ctx, message);
        case END -> onEnd(ctx, message);
        default -> onRest(ctx, message);
      }
    } finally {
      ReferenceCountUtil.release(message);
    }
  }

  private void onHead(ChannelHandlerContext ctx, Object message) {
    if (!(message instanceof HttpRequest request)) {
      readNext(ctx);
      return;
    }
    headTimeout.cancel(false);
    head = request.method().equals(HttpMethod.HEAD);
    keepAlive = HttpUtil.isKeepAlive(request);
    chunked = !request.protocolVersion().equals(HttpVersion.HTTP_1_0);
    ignored = 0;
    try {
      action = choose(ctx, request);
    } catch (ApiException e) {
      action = new Action.Instant(Reply.error(e));
    }
    if (action instanceof Action.Instant instant && (isBroken(request) || hasBody(request))) {
      // Answers at once and lets the client finish sending, so that it reads the answer.
      sendAndDiscard(ctx, instant.reply());
    } else if (action instanceof Action.Take wanted) {
      startUpload(ctx, request, wanted.taker());
    } else {
      expect = Expect.END;
      readNext(ctx);
    }
  }

  private Action choose(ChannelHandlerContext ctx, HttpRequest request) throws ApiException {
    if (isBroken(request)) {
      throw notHttp(request.decoderResult().cause());
    }
    QueryStringDecoder uri;
    String path;
    try {
      uri = new QueryStringDecoder(request.uri());
      path = uri.path();
      uri.parameters();
    } catch (IllegalArgumentException e) {
      throw Routes.badRequest("the address is not valid", "Encode special characters as %XX.");
    }
    security.check(request, path, ctx.pipeline().get(SslHandler.class) != null);
    Action chosen = routes.choose(request.method(), path, uri.parameters(), request.headers());
    if (chosen instanceof Action.Take) {
      checkImportSize(HttpUtil.getContentLength(request, 0L));
    }
    return chosen;
  }

  private static ApiException notHttp(Throwable cause) {
    if (cause instanceof TooLongHttpLineException) {
      return new ApiException(
          HttpResponseStatus.REQUEST_URI_TOO_LONG, "the address is too long", "Shorten it.");
    }
    if (cause instanceof TooLongHttpHeaderException) {
      return new ApiException(
          HttpResponseStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
          "the headers are too large",
          "Send fewer headers.");
    }
    return Routes.badRequest("this is not HTTP/1.1", "Check the client and the port.");
  }

  private void checkImportSize(long length) throws ApiException {
    if (length > limits.maxImport()) {
      throw Upload.tooLarge(limits.maxImport());
    }
    long free = node.dataDir().toFile().getUsableSpace();
    if (length > free) {
      throw new ApiException(
          HttpResponseStatus.INSUFFICIENT_STORAGE,
          "the file needs " + length + " bytes, the data directory's disk has " + free,
          "Free space or move data.dir to a larger disk.");
    }
  }

  /** Whether it is no request of HTTP/1; what is ambiguous the decoder has refused already. */
  private static boolean isBroken(HttpRequest request) {
    HttpVersion version = request.protocolVersion();
    return request.decoderResult().isFailure()
        || !version.equals(HttpVersion.HTTP_1_1) && !version.equals(HttpVersion.HTTP_1_0);
  }

  private static boolean hasBody(HttpRequest request) {
    return HttpUtil.isTransferEncodingChunked(request)
        || HttpUtil.getContentLength(request, 0L) > 0;
  }

  private void sendAndDiscard(ChannelHandlerContext ctx, Reply reply) {
    lastAnswer = ctx.writeAndFlush(reply.response(head, false));
    expect = Expect.REST;
    ignored = 0;
    ctx.executor().schedule(() -> ctx.close(), LINGER_SECONDS, TimeUnit.SECONDS);
    readNext(ctx);
  }

  private void onRest(ChannelHandlerContext ctx, Object message) {
    if (message instanceof HttpContent content) {
      ignored += content.content().readableBytes();
    }
    if (message instanceof LastHttpContent || ignored > MAX_DISCARDED) {
      ctx.close();
    } else {
      readNext(ctx);
    }
  }

  private void onEnd(ChannelHandlerContext ctx, Object message) {
    ignored += message instanceof HttpContent content ? content.content().readableBytes() : 0;
    if (message instanceof HttpContent content && content.decoderResult().isFailure()) {
      sendAndDiscard(ctx, Reply.error(notHttp(content.decoderResult().cause())));
    } else if (ignored > MAX_IGNORED_BODY) {
      sendAndDiscard(ctx, Reply.error(Upload.tooLarge(MAX_IGNORED_BODY)));
    } else if (message instanceof LastHttpContent) {
      perform(ctx);
    } else {
      readNext(ctx);
    }
  }

  private void perform(ChannelHandlerContext ctx) {
    if (action instanceof Action.Instant instant) {
      finish(ctx, instant.reply());
    } else if (action instanceof Action.Answer answer) {
      onWorker(ctx, answers, () -> finishLater(ctx, result(answer.work())));
    } else if (action instanceof Action.Events) {
      sendEvents(ctx);
    } else if (action instanceof Action.Leave wanted) {
      if (inputEnded) {
        ctx.close(); // a replica that could never acknowledge
      } else {
        leaveHttp(ctx, wanted);
      }
    } else if (action instanceof Action.Export wanted) {
      ExportChannel channel = newExport(ctx, wanted.name());
      export = channel;
      onWorker(ctx, transfers, () -> export(ctx, wanted.name(), channel));
    }
  }

  /** The answer is the last that this connection hears in HTTP. */
  private void leaveHttp(ChannelHandlerContext ctx, Action.Leave wanted) {
    DefaultFullHttpResponse answer =
        new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.SWITCHING_PROTOCOLS);
    answer
        .headers()
        .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE)
        .set(HttpHeaderNames.UPGRADE, wanted.protocol());
    ctx.writeAndFlush(answer);
    ChannelPipeline pipeline = ctx.pipeline();
    slots.release(ctx.channel()); // it counts where it goes
    wanted.door().accept(ctx.channel());
    // What the codec has read beyond the request goes on to the next protocol when the codec goes.
    pipeline.remove(ctx.handler());
    pipeline.remove(FlowControlHandler.class);
    pipeline.remove(HttpServerCodec.class);
    ctx.channel().config().setAutoRead(true);
  }

  private void onWorker(ChannelHandlerContext ctx, Executor executor, Runnable work) {
    try {
      executor.execute(work);
    } catch (RejectedExecutionException e) {
      finish(ctx, Reply.error(busy()));
    }
  }

  private static ApiException busy() {
    return new ApiException(
        HttpResponseStatus.SERVICE_UNAVAILABLE,
        "too many requests at once",
        "Try again when a transfer has ended.");
  }

  private Reply result(Action.Work work) {
    try {
      return work.run();
    } catch (ApiException e) {
      return Reply.error(e);
    } catch (IOException | RuntimeException e) {
      return Reply.error(failure(e));
    }
  }

  /** Translates a failure of the store, once, for every path. */
  private static ApiException failure(Exception e) {
    if (e instanceof InvalidDatabaseException) {
      return Routes.badRequest(
          e.getMessage(), "Send a SQLite database file, complete and without its journal.");
    }
    if (e instanceof IllegalArgumentException) {
      return Routes.badRequest(
          String.valueOf(e.getMessage()), "Names are file names below the mount, such as app.db.");
    }
    if (String.valueOf(e.getMessage()).contains("No space left on device")) {
      return new ApiException(
          HttpResponseStatus.INSUFFICIENT_STORAGE,
          "the disk of the data directory is full",
          "Free space or move data.dir to a larger disk.");
    }
    if (e instanceof IOException) {
      LOG.warn("A request failed: {}", e.getMessage());
      LOG.debug("A request failed", e);
    } else {
      LOG.warn("A request failed", e);
    }
    return new ApiException(
        HttpResponseStatus.INTERNAL_SERVER_ERROR,
        e.getMessage() == null ? e.toString() : e.getMessage(),
        "The node's log has the details.");
  }

  private void finishLater(ChannelHandlerContext ctx, Reply reply) {
    ctx.executor().execute(() -> finish(ctx, reply));
  }

  private void finish(ChannelHandlerContext ctx, Reply reply) {
    export = null;
    upload = null;
    endAnswer(ctx, ctx.writeAndFlush(reply.response(head, keepAlive)));
  }

  private void endAnswer(ChannelHandlerContext ctx, ChannelFuture sent) {
    lastAnswer = sent;
    if (keepAlive) {
      awaitRequest(ctx);
    } else {
      sent.addListener(ChannelFutureListener.CLOSE);
    }
  }

  private void sendEvents(ChannelHandlerContext ctx) {
    EventStream stream = new EventStream(ctx, limits.idleTimeout());
    if (!node.events().subscribe(stream)) {
      finish(ctx, Reply.error(Routes.tooManyListeners()));
      return;
    }
    events = stream;
    HttpResponse response = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
    Reply.commonHeaders(response, "application/x-ndjson");
    HttpUtil.setTransferEncodingChunked(response, chunked);
    HttpUtil.setKeepAlive(response, false);
    ctx.writeAndFlush(response);
    // Nobody says anything on this connection any more; its other end may go without a word.
    ctx.channel().config().setOption(ChannelOption.SO_KEEPALIVE, true);
    expect = Expect.REST;
    ignored = 0;
    readNext(ctx);
  }

  private ExportChannel newExport(ChannelHandlerContext ctx, String name) {
    ServedDatabase database = node.find(name);
    long size = database == null ? 0 : database.size();
    return new ExportChannel(ctx, limits.idleTimeout(), () -> sendExportHead(ctx, size));
  }

  private void sendExportHead(ChannelHandlerContext ctx, long size) {
    HttpResponse response = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
    Reply.commonHeaders(response, "application/vnd.sqlite3");
    // The copy begins a moment later and may differ in length, so this is no Content-Length.
    response.headers().set("Tidemark-Size", Long.toString(size));
    if (chunked) {
      HttpUtil.setTransferEncodingChunked(response, true);
    } else {
      keepAlive = false;
    }
    HttpUtil.setKeepAlive(response, keepAlive);
    ctx.writeAndFlush(response);
  }

  /** Runs on a worker. */
  private void export(ChannelHandlerContext ctx, String name, ExportChannel out) {
    try {
      ServedDatabase database = node.find(name);
      if (database == null) {
        throw Routes.unknown(name);
      }
      if (!head) {
        database.exportTo(out, written -> {});
      }
      out.start();
      ctx.executor().execute(() -> finishExport(ctx));
    } catch (ApiException e) {
      finishLater(ctx, Reply.error(e));
    } catch (IOException | RuntimeException e) {
      if (out.isStarted()) {
        LOG.debug("The export of {} was cut short: {}", name, e.toString());
        ctx.close();
      } else {
        finishLater(ctx, Reply.error(failure(e)));
      }
    }
  }

  private void finishExport(ChannelHandlerContext ctx) {
    export = null;
    endAnswer(ctx, ctx.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT));
  }

  private void startUpload(ChannelHandlerContext ctx, HttpRequest request, Action.Taker taker) {
    Upload started = new Upload(() -> readNext(ctx), limits);
    try {
      transfers.execute(() -> takeBody(ctx, taker, started));
    } catch (RejectedExecutionException e) {
      sendAndDiscard(ctx, Reply.error(busy()));
      return;
    }
    upload = started;
    expect = Expect.BODY;
    if (HttpUtil.is100ContinueExpected(request)) {
      ctx.writeAndFlush(
          new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.CONTINUE));
    }
  }

  /** Runs on a worker. */
  private void takeBody(ChannelHandlerContext ctx, Action.Taker taker, Upload body) {
    Path file = spoolDir(node).resolve(UUID.randomUUID() + ".db");
    boolean complete = false;
    Reply reply;
    try {
      body.writeTo(file);
      complete = true;
      reply = taker.take(file);
    } catch (ApiException e) {
      reply = Reply.error(e);
    } catch (IOException | RuntimeException e) {
      reply = ctx.channel().isActive() ? Reply.error(failure(e)) : null;
    } finally {
      delete(file);
    }
    Reply answer = reply;
    boolean wholeBodyRead = complete;
    ctx.executor().execute(() -> finishUpload(ctx, body, answer, wholeBodyRead));
  }

  private void finishUpload(
      ChannelHandlerContext ctx, Upload body, Reply reply, boolean wholeBodyRead) {
    upload = null;
    expect = Expect.REST;
    body.drain();
    if (reply == null) {
      ctx.close();
    } else if (wholeBodyRead) {
      finish(ctx, reply);
    } else {
      sendAndDiscard(ctx, reply);
    }
  }

  /** Where bodies wait until they are checked; emptied at each start. */
  static Path spoolDir(NodeState node) {
    return node.dataDir().resolve("import");
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      LOG.warn("Cannot delete {}: {}", file, e.toString());
    }
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext ctx) {
    wakeExport();
    if (events != null) {
      events.schedule();
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    wakeExport();
    if (headTimeout != null) {
      headTimeout.cancel(false);
    }
    if (upload != null) {
      upload.abort();
    }
    if (events != null) {
      node.events().unsubscribe(events);
    }
  }

  private void wakeExport() {
    ExportChannel current = export;
    if (current != null) {
      current.wake();
    }
  }

  /** No certificate, a wrong one, or bytes that are no TLS; the decoder wraps what it was. */
  private static boolean isTlsRefusal(Throwable cause) {
    return cause instanceof DecoderException
        && (cause.getCause() instanceof SSLException
            || cause.getCause() instanceof NotSslRecordException);
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    if (cause instanceof IOException || isTlsRefusal(cause)) {
      // Anybody can cause these, so they are no lines in the log of every node.
      LOG.debug("Connection of {} ended: {}", ctx.channel().remoteAddress(), cause.toString());
    } else {
      LOG.warn("Connection of {} failed", ctx.channel().remoteAddress(), cause);
    }
    ctx.close();
  }
}
