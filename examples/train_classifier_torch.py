"""PyTorch: handwritten digits with one rare class, and what class weights do for it.

Run: python examples/train_classifier_torch.py   (needs "lossary[torch]" and scikit-learn; some seconds)
"""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from lossary.torch import CrossEntropyLoss

CLASSES, RARE, KEPT = 10, 8, 5  # five images of the digit 8 remain


def data() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Training and test images and labels; of the rare class, only a few are left to train on."""
    images, labels = load_digits(return_X_y=True)
    x, x_test, y, y_test = map(torch.tensor, train_test_split(images / 16, labels, test_size=0.5, random_state=0))
    rare = (y == RARE).nonzero().flatten()
    kept = torch.ones(len(y), dtype=torch.bool)
    kept[rare[KEPT:]] = False
    return x[kept].float(), y[kept], x_test.float(), y_test


def train(loss: CrossEntropyLoss, x: torch.Tensor, y: torch.Tensor, epochs: int = 30) -> torch.nn.Module:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, CLASSES))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(epochs):
        for batch in torch.randperm(len(y)).split(64):
            optimizer.zero_grad()
            loss(model(x[batch]), y[batch]).backward()
            optimizer.step()
    return model


def main() -> None:
    x, y, x_test, y_test = data()
    counts = torch.bincount(y, minlength=CLASSES)
    weights = len(y) / (CLASSES * counts)  # a class counts the less, the more often it occurs
    recalls = {}
    for name, loss in {"plain": CrossEntropyLoss(), "weighted": CrossEntropyLoss(class_weights=weights)}.items():
        right = train(loss, x, y)(x_test).argmax(1) == y_test
        recalls[name] = right[y_test == RARE].float().mean().item()
        print(f"{name:9} accuracy {right.float().mean():.2f}")
    print(f"recall of the rare class: {recalls['weighted']:.2f} with class weights, {recalls['plain']:.2f} without")


if __name__ == "__main__":
    main()
