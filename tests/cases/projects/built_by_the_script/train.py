from model import Discriminator, Generator

netG = Generator(8, depth=2)
netD = Discriminator()
