/** A queue that holds so many items and bytes; whoever adds one first takes out the oldest until there is room. */
export class BoundedQueue<Item> {
  private readonly itemsMax: number;
  private readonly bytesMax: number;
  private readonly bytesOf: (item: Item) => number;
  private readonly items: (Item | undefined)[] = [];
  private first = 0;
  private count = 0;
  private bytes = 0;

  /**
   * @param itemsMax most items, 1 or more.
   * @param bytesMax most bytes; a single larger item still has room in an empty queue.
   */
  constructor(itemsMax: number, bytesMax: number, bytesOf: (item: Item) => number) {
    this.itemsMax = itemsMax;
    this.bytesMax = bytesMax;
    this.bytesOf = bytesOf;
  }

  /** Whether `item` can be added without taking out another. */
  hasRoomFor(item: Item): boolean {
    return this.count === 0 || (this.count < this.itemsMax && this.bytes + this.bytesOf(item) <= this.bytesMax);
  }

  /** Adds the newest item, for which there must be room. */
  push(item: Item): void {
    this.items[(this.first + this.count) % this.itemsMax] = item;
    this.count++;
    this.bytes += this.bytesOf(item);
  }

  /** Takes out the oldest item. */
  shift(): Item | undefined {
    const item = this.items[this.first];
    if (item === undefined) return undefined;
    this.items[this.first] = undefined;
    this.first = (this.first + 1) % this.itemsMax;
    this.count--;
    this.bytes -= this.bytesOf(item);
    return item;
  }
}
