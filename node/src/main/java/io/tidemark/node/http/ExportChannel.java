package io.tidemark.node.http;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.HttpContent;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.WritableByteChannel;
import java.time.Duration;

/**
 * Turns blocking writes of a worker into chunks of an answer. A write waits while the connection
 * has enough queued, so that a slow client costs a bounded amount of memory however large the
 * database is; a client that takes nothing for the idle time, or goes away, ends the work.
 */
final class ExportChannel implements WritableByteChannel {
  private static final int PIECE = 64 << 10;

  private final ChannelHandlerContext ctx;
  private final Duration idle;
  private final Runnable beforeFirst;
  private boolean started;

  ExportChannel(ChannelHandlerContext ctx, Duration idle, Runnable beforeFirst) {
    this.ctx = ctx;
    this.idle = idle;
    this.beforeFirst = beforeFirst;
  }

  /** Whether the head of the answer is out, after which an error can only cut the connection. */
  boolean isStarted() {
    return started;
  }

  /** Sends the head if nothing was written. */
  void start() {
    if (!started) {
      started = true;
      beforeFirst.run();
    }
  }

  @Override
  public int write(ByteBuffer source) throws IOException {
    start();
    int total = source.remaining();
    while (source.hasRemaining()) {
      awaitWritable();
      int length = Math.min(PIECE, source.remaining());
      ByteBuf piece = ctx.alloc().buffer(length);
      ByteBuffer slice = source.slice().limit(length);
      piece.writeBytes(slice);
      source.position(source.position() + length);
      HttpContent content = new DefaultHttpContent(piece);
      ctx.writeAndFlush(content);
    }
    return total;
  }

  private synchronized void awaitWritable() throws IOException {
    long deadline = System.nanoTime() + idle.toNanos();
    while (isOpen() && !ctx.channel().isWritable()) {
      long millis = (deadline - System.nanoTime()) / 1_000_000;
      if (millis <= 0) {
        throw new IOException("the client took nothing for " + idle.toSeconds() + " s");
      }
      try {
        wait(millis);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new ClosedChannelException();
      }
    }
    if (!isOpen()) {
      throw new ClosedChannelException();
    }
  }

  /** To be called when writability or the connection's life changed. */
  synchronized void wake() {
    notifyAll();
  }

  @Override
  public boolean isOpen() {
    return ctx.channel().isActive();
  }

  @Override
  public void close() {}
}
