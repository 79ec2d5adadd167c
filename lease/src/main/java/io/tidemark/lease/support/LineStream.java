package io.tidemark.lease.support;

import java.io.ByteArrayOutputStream;
import java.net.http.HttpResponse.BodySubscriber;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** The lines of an answer as they come, for answers that have no end. */
public final class LineStream implements BodySubscriber<LineStream>, AutoCloseable {
  /** A line, or (null) the end. */
  private record Item(String line) {}

  private final BlockingQueue<Item> items = new LinkedBlockingQueue<>();
  private final ByteArrayOutputStream begun = new ByteArrayOutputStream();
  private volatile Flow.Subscription subscription;
  private volatile boolean ended;

  LineStream() {}

  /** The next line; empty if none came in time or the answer has ended. */
  public Optional<String> poll(Duration limit) throws InterruptedException {
    if (ended) {
      return Optional.empty();
    }
    Item item = items.poll(limit.toNanos(), TimeUnit.NANOSECONDS);
    ended = item != null && item.line == null;
    return item == null ? Optional.empty() : Optional.ofNullable(item.line);
  }

  /** Whether {@link #poll} has come to the end. */
  public boolean isEnded() {
    return ended;
  }

  @Override
  public CompletionStage<LineStream> getBody() {
    return CompletableFuture.completedFuture(this);
  }

  @Override
  public void onSubscribe(Flow.Subscription given) {
    subscription = given;
    given.request(Long.MAX_VALUE);
  }

  @Override
  public void onNext(List<ByteBuffer> buffers) {
    for (ByteBuffer buffer : buffers) {
      while (buffer.hasRemaining()) {
        byte b = buffer.get();
        if (b == '\n') {
          finishLine();
        } else {
          begun.write(b);
        }
      }
    }
  }

  private void finishLine() {
    items.add(new Item(begun.toString(StandardCharsets.UTF_8)));
    begun.reset();
  }

  /** A cut connection is an end like any other: whoever watches begins anew. */
  @Override
  public void onError(Throwable problem) {
    items.add(new Item(null));
  }

  @Override
  public void onComplete() {
    if (begun.size() > 0) {
      finishLine();
    }
    items.add(new Item(null));
  }

  /** Hangs up. */
  @Override
  public void close() {
    Flow.Subscription current = subscription;
    if (current != null) {
      current.cancel();
    }
  }
}
