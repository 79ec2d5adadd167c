package io.tidemark.node.http;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.LastHttpContent;
import io.tidemark.node.event.EventFeed;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Events on their way to one client. What the connection does not take waits here, up to a number
 * of events; a client that is slower than that is cut off.
 */
final class EventStream implements EventFeed.Listener {
  /** Beyond what the connection itself keeps; the lines are shared by all clients. */
  private static final int MOST_WAITING = 16_384;

  private final ChannelHandlerContext ctx;
  private final Duration idle;

  // Guarded by itself.
  private final ArrayDeque<byte[]> waiting = new ArrayDeque<>();
  private boolean scheduled;
  private boolean over;
  private boolean ended;

  /**
   * @param idle how long a client that was cut off may take to read the rest
   */
  EventStream(ChannelHandlerContext ctx, Duration idle) {
    this.ctx = ctx;
    this.idle = idle;
  }

  @Override
  public boolean offer(List<byte[]> lines) {
    synchronized (waiting) {
      for (byte[] line : lines) {
        if (waiting.size() >= MOST_WAITING) {
          return false;
        }
        waiting.add(line);
      }
    }
    schedule();
    return true;
  }

  @Override
  public void last(byte[] line) {
    synchronized (waiting) {
      waiting.add(line);
      over = true;
    }
    schedule();
    ctx.executor().schedule(() -> ctx.close(), idle.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** Has the event loop write what the connection takes; not from within another write. */
  void schedule() {
    synchronized (waiting) {
      if (scheduled) {
        return;
      }
      scheduled = true;
    }
    ctx.executor().execute(this::drain);
  }

  private void drain() {
    boolean end;
    synchronized (waiting) {
      scheduled = false;
      while (!waiting.isEmpty() && ctx.channel().isActive() && ctx.channel().isWritable()) {
        ctx.write(new DefaultHttpContent(Unpooled.wrappedBuffer(waiting.poll())));
      }
      end = over && waiting.isEmpty() && !ended;
      ended |= end;
    }
    if (end) {
      ctx.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT)
          .addListener(ChannelFutureListener.CLOSE);
    } else {
      ctx.flush();
    }
  }
}
