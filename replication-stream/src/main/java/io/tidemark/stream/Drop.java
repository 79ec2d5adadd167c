package io.tidemark.stream;

/**
 * The primary has no such database any more, and the record that said so is out of reach. Names the
 * database in full: a wrong number must not delete another one.
 *
 * @param id database
 * @param name its name, as in {@link DatabaseOpen}
 * @param position the primary's position after the deletion, from which TXIDs go on when the name
 *     is used again; never {@link Position#NONE}
 */
public record Drop(int id, String name, Position position) implements Frame {
  public Drop {
    FrameType.DROP.checkId(id);
    NamedPosition.checkName(FrameType.DROP, name);
    FrameType.DROP.check(!position.isNone(), "position", position, "one with a transaction");
  }

  @Override
  public FrameType type() {
    return FrameType.DROP;
  }

  void write(PayloadWriter out) {
    out.u32(id).position(position).text(name);
  }

  static Drop read(PayloadReader in) {
    int id = in.id();
    Position position = in.position("position");
    return new Drop(id, in.text("database name", Protocol.MAX_NAME), position);
  }
}
