package io.tidemark.stream;

import io.tidemark.database.DatabaseNames;
import java.util.Objects;

/**
 * How far a replica has one database.
 *
 * @param name one that a mount could hold
 * @param position its last record, {@link Position#NONE} if it has none
 */
public record NamedPosition(String name, Position position) {
  public NamedPosition {
    checkName(FrameType.POSITIONS, name);
    Objects.requireNonNull(position, "position");
  }

  /** Names become paths below the data directory, so every name of a peer comes through here. */
  static void checkName(FrameType type, String name) {
    String problem = DatabaseNames.problem(name);
    if (problem != null) {
      String shown = '"' + Text.clean(name) + '"';
      type.check(false, "database name", shown, "one that a database can have (", problem, ")");
    }
  }
}
