package io.tidemark.node.http;

import io.netty.buffer.ByteBuf;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.LastHttpContent;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * A request body on its way to a file. The event loop offers pieces, one at a time; a worker writes
 * each and then asks for the next, so that a body of any size takes the memory of one piece.
 */
final class Upload {
  private final Runnable readNext;
  private final ApiLimits limits;
  private final BlockingQueue<Object> pieces = new LinkedBlockingQueue<>();

  private static final Object GONE = new Object();

  /**
   * @param readNext asks for the next piece, which then comes to {@link #offer}
   */
  Upload(Runnable readNext, ApiLimits limits) {
    this.readNext = readNext;
    this.limits = limits;
  }

  /** Takes over a piece; its buffer is released here. */
  void offer(HttpContent piece) {
    pieces.add(piece);
  }

  /** The client went away. */
  void abort() {
    pieces.add(GONE);
  }

  /**
   * Writes the whole body to a new file.
   *
   * @throws ApiException when the body is too large or the client too slow
   * @throws IOException when the client went away or the disk failed
   */
  void writeTo(Path file) throws IOException, ApiException {
    Files.createDirectories(file.getParent());
    try (FileChannel out =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      boolean last = false;
      long written = 0;
      while (!last) {
        readNext.run();
        HttpContent piece = next();
        try {
          written += piece.content().readableBytes();
          if (written > limits.maxImport()) {
            throw tooLarge(limits.maxImport());
          }
          if (piece.decoderResult().isFailure()) {
            throw Routes.badRequest("the body is not valid HTTP", "Send the file unchanged.");
          }
          write(piece.content(), out);
          last = piece instanceof LastHttpContent;
        } finally {
          piece.release();
        }
      }
    }
  }

  private HttpContent next() throws IOException, ApiException {
    Duration idle = limits.idleTimeout();
    try {
      Object piece = pieces.poll(idle.toMillis(), TimeUnit.MILLISECONDS);
      if (piece == null) {
        throw new ApiException(
            HttpResponseStatus.REQUEST_TIMEOUT,
            "nothing arrived for " + idle.toSeconds() + " s",
            "Send the file again over a faster connection.");
      }
      if (piece == GONE) {
        throw new IOException("the client went away during an import");
      }
      return (HttpContent) piece;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private static void write(ByteBuf content, FileChannel out) throws IOException {
    for (ByteBuffer buffer : content.nioBuffers()) {
      while (buffer.hasRemaining()) {
        out.write(buffer);
      }
    }
  }

  /** Releases what was offered after the worker stopped taking. */
  void drain() {
    for (Object piece = pieces.poll(); piece != null; piece = pieces.poll()) {
      if (piece instanceof HttpContent content) {
        content.release();
      }
    }
  }

  static ApiException tooLarge(long limit) {
    return new ApiException(
        HttpResponseStatus.REQUEST_ENTITY_TOO_LARGE,
        "the body is larger than " + limit + " bytes",
        "Send the SQLite file itself, nothing larger.");
  }
}
