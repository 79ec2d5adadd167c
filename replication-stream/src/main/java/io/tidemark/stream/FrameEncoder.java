package io.tidemark.stream;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.MessageToByteEncoder;
import java.util.EnumSet;
import java.util.Set;

/**
 * {@link Frame}s to bytes. Records that are compressed in the log already gain nothing from a
 * second compression, so which types it is tried on is up to the caller.
 */
public final class FrameEncoder extends MessageToByteEncoder<Frame> {
  /** Room for every frame without data, {@link Positions} aside. */
  private static final int SMALL = 512;

  private final Set<FrameType> compressed;

  /**
   * @param compressed types whose data are sent with LZ4 if that makes them shorter
   */
  public FrameEncoder(Set<FrameType> compressed) {
    super(Frame.class);
    this.compressed = EnumSet.noneOf(FrameType.class);
    this.compressed.addAll(compressed);
  }

  /**
   * A frame as bytes, for a sender that encodes in its own thread: then the channel knows how much
   * is on its way, and the event loop only sends.
   *
   * @return to be given to a channel, which releases it
   */
  public ByteBuf encode(ByteBufAllocator allocator, Frame frame) {
    ByteBuf out = allocator.ioBuffer(roomFor(frame));
    boolean done = false;
    try {
      append(frame, out);
      done = true;
      return out;
    } finally {
      if (!done) {
        out.release();
      }
    }
  }

  /** Bytes that a frame takes at most, {@link Positions} aside. */
  public static int roomFor(Frame frame) {
    return SMALL + frame.dataBytes();
  }

  /** A frame as bytes behind others, in the order of the calls. */
  public void append(Frame frame, ByteBuf out) {
    FrameCodec.encode(frame, out, compressed.contains(frame.type()));
  }

  @Override
  protected ByteBuf allocateBuffer(ChannelHandlerContext ctx, Frame frame, boolean preferDirect) {
    int size = roomFor(frame);
    return preferDirect ? ctx.alloc().ioBuffer(size) : ctx.alloc().heapBuffer(size);
  }

  @Override
  protected void encode(ChannelHandlerContext ctx, Frame frame, ByteBuf out) {
    append(frame, out);
  }
}
