package io.tidemark.stream;

import io.netty.buffer.ByteBuf;
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

  @Override
  protected ByteBuf allocateBuffer(ChannelHandlerContext ctx, Frame frame, boolean preferDirect) {
    int size = SMALL + frame.dataBytes();
    return preferDirect ? ctx.alloc().ioBuffer(size) : ctx.alloc().heapBuffer(size);
  }

  @Override
  protected void encode(ChannelHandlerContext ctx, Frame frame, ByteBuf out) {
    FrameCodec.encode(frame, out, compressed.contains(frame.type()));
  }
}
