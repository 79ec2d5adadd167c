package io.tidemark.lease.support;

import java.io.ByteArrayOutputStream;
import java.net.http.HttpResponse.BodySubscriber;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;

/** The body of an answer up to its first line feed; the rest is not waited for. */
final class FirstLine implements BodySubscriber<String> {
  private final CompletableFuture<String> line = new CompletableFuture<>();
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private Flow.Subscription subscription;

  @Override
  public CompletionStage<String> getBody() {
    return line;
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
          finish();
          subscription.cancel();
          return;
        }
        bytes.write(b);
      }
    }
  }

  private void finish() {
    line.complete(bytes.toString(StandardCharsets.UTF_8));
  }

  @Override
  public void onError(Throwable problem) {
    line.completeExceptionally(problem);
  }

  @Override
  public void onComplete() {
    finish();
  }
}
