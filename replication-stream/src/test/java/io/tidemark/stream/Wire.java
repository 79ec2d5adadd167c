package io.tidemark.stream;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.util.ResourceLeakDetector;
import java.util.ArrayList;
import java.util.List;

/**
 * A {@link FrameDecoder} in a channel of its own whose buffers are counted: how much they held at
 * most, and whether all were given back.
 */
final class Wire implements AutoCloseable {
  static {
    ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.PARANOID);
  }

  private final UnpooledByteBufAllocator allocator = new UnpooledByteBufAllocator(false);
  private final EmbeddedChannel channel = new EmbeddedChannel();
  private final FrameDecoder decoder;
  private final List<Frame> frames = new ArrayList<>();
  private final List<ProtocolException> faults = new ArrayList<>();
  private long mostBytesHeld;

  Wire(StreamPhase phase) {
    decoder = new FrameDecoder(phase);
    channel.config().setAllocator(allocator);
    channel.pipeline().addLast(decoder);
  }

  /** Delivers bytes in one piece. */
  Wire feed(byte[] bytes) {
    return feed(bytes, bytes.length == 0 ? 1 : bytes.length);
  }

  /** Delivers bytes in pieces. */
  Wire feed(byte[] bytes, int pieceLength) {
    for (int from = 0; from < bytes.length; from += pieceLength) {
      ByteBuf piece = allocator.buffer(Math.min(pieceLength, bytes.length - from));
      piece.writeBytes(bytes, from, Math.min(pieceLength, bytes.length - from));
      try {
        channel.writeInbound(piece);
      } catch (ProtocolException e) {
        faults.add(e);
      }
      for (Frame frame = channel.readInbound(); frame != null; frame = channel.readInbound()) {
        frames.add(frame);
      }
      mostBytesHeld = Math.max(mostBytesHeld, bytesHeld());
    }
    return this;
  }

  /** The connection ends. */
  Wire cut() {
    try {
      channel.finish();
    } catch (ProtocolException e) {
      faults.add(e);
    }
    return this;
  }

  StreamPhase phase() {
    return decoder.phase();
  }

  List<Frame> frames() {
    return frames;
  }

  List<ProtocolException> faults() {
    return faults;
  }

  /** The kind of the only fault. */
  ProtocolException.Kind fault() {
    if (faults.size() != 1) {
      throw new AssertionError("expected one fault, got " + faults + " and frames " + frames);
    }
    return faults.get(0).kind();
  }

  /** Bytes in buffers that were not given back. */
  long bytesHeld() {
    return allocator.metric().usedHeapMemory() + allocator.metric().usedDirectMemory();
  }

  /** The most that was held between two pieces. */
  long mostBytesHeld() {
    return mostBytesHeld;
  }

  @Override
  public void close() {
    cut();
    if (bytesHeld() != 0) {
      throw new AssertionError(bytesHeld() + " bytes of buffers were not given back");
    }
  }
}
